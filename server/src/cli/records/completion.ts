import type { Command, CommandCall } from '../commands/command.ts'
import { UsageError } from '../terminal/command-errors.ts'

/** What completions offer, by command. */
export interface Completed {
  /** Commands, and the subcommands of those that have some. */
  readonly commands: ReadonlyMap<string, readonly string[]>
}

const shells = ['bash', 'zsh', 'fish'] as const
/** The commands whose first argument is a store. */
const ofStores = ['put', 'get', 'ls', 'rm', 'patch', 'watch']
const storeNames = `coatcheck store list 2>/dev/null | cut -f 3 | grep -v '^-$'`

export function completionCommand(completed: () => Completed): Command {
  return {
    usage: 'completion bash|zsh|fish',
    about:
      'prints a script that completes commands and store names:\n' +
      '  bash: source <(coatcheck completion bash)\n' +
      '  zsh:  source <(coatcheck completion zsh), after compinit\n' +
      '  fish: coatcheck completion fish | source',
    words: { min: 1, max: 1 },
    onlyReads: true,
    run: async ({ given }: CommandCall) => {
      const shell = shells.find((one) => one === given.word(0))
      if (!shell) throw new UsageError(`"${given.word(0)}" is none of ${shells.join(', ')}.`)
      process.stdout.write(shell === 'fish' ? fish(completed()) : bash(completed(), shell))
    },
  }
}

function bash({ commands }: Completed, shell: 'bash' | 'zsh'): string {
  const cases = [...commands]
    .filter(([, verbs]) => verbs.length > 0)
    .map(([noun, verbs]) => `    ${noun}) words="${verbs.join(' ')}" ;;`)
  return `${shell === 'zsh' ? 'autoload -U bashcompinit && bashcompinit\n' : ''}_coatcheck() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${[...commands.keys()].join(' ')}"
  elif [ "$COMP_CWORD" -eq 2 ]; then
    case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    ${ofStores.join('|')}) words="$(${storeNames})" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _coatcheck coatcheck
`
}

function fish({ commands }: Completed): string {
  const lines = [...commands].flatMap(([noun, verbs]) => [
    `complete -c coatcheck -n __fish_use_subcommand -a ${noun}`,
    ...(verbs.length > 0
      ? [`complete -c coatcheck -n '__fish_seen_subcommand_from ${noun}' -a '${verbs.join(' ')}'`]
      : []),
  ])
  const stores = `(coatcheck store list 2>/dev/null | cut -f 3 | string match -v -- -)`
  return [
    ...lines,
    `complete -c coatcheck -n '__fish_seen_subcommand_from ${ofStores.join(' ')}' -a '${stores}'`,
    '',
  ].join('\n')
}
