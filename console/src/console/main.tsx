import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/over.css'
import './styles/parts.css'
import './styles/rows.css'

const element = document.getElementById('app')
if (!element) throw new TypeError('The page has no element for the console.')
createRoot(element).render(<App />)
