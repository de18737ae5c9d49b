/**
 * The script of each shell asks `coatcheck completion words` for candidates, one on a line. Where
 * there are none, the shell completes names of files. An error, such as a command that is not
 * found, shows nothing.
 */
export const completionScripts = {
  bash: `# Completion of coatcheck for bash. In ~/.bashrc: source <(coatcheck completion bash)
_coatcheck() {
  local word line
  # bash splits words at : and =, so the line is split at blanks only.
  read -ra line <<< "\${COMP_LINE:0:COMP_POINT}"
  [[ \${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && line+=('')
  word=\${line[-1]}
  COMPREPLY=()
  while IFS= read -r candidate; do
    [[ $candidate == "$word"* ]] && COMPREPLY+=("$candidate")
  done < <("\${COMP_WORDS[0]/#\\~/$HOME}" completion words -- "\${line[@]:1}" 2> /dev/null < /dev/null)
}
complete -o bashdefault -o default -F _coatcheck coatcheck
`,
  zsh: `#compdef coatcheck
# Completion of coatcheck for zsh. In ~/.zshrc, after compinit: source <(coatcheck completion zsh)
_coatcheck() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" completion words -- "\${(@)words[2,CURRENT]}" 2> /dev/null < /dev/null)}")
  candidates=("\${(@)candidates:#}")
  if (( \${#candidates} )); then
    compadd -- "\${(@)candidates}"
  else
    _files
  fi
}
compdef _coatcheck coatcheck
`,
  fish: `# Completion of coatcheck for fish:
# coatcheck completion fish > ~/.config/fish/completions/coatcheck.fish
function __coatcheck_candidates
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l found
    if type -q $words[1]
        set found ($words[1] completion words -- $words[2..-1] "$typed" 2> /dev/null < /dev/null)
    end
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path "$typed"
    end
end
complete -c coatcheck -f -a '(__coatcheck_candidates)'
`,
} as const

export type Shell = keyof typeof completionScripts
