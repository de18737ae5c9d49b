import { randomNumber } from './applab/random-number.ts'

/*! Coatcheck's App Lab page script. MIT License. */

Object.assign(globalThis, { randomNumber })
