/*! Coatcheck's App Lab page script. MIT License. */
import { createAppLab } from './applab/app-lab.ts'
import { scriptSettings } from './applab/script-settings.ts'

// <script src="http://HOST/applab.js" data-channel="..." data-key="..."></script>
const settings = scriptSettings()
if (settings !== undefined) Object.assign(globalThis, createAppLab(settings))
