#compdef rtt
# SPDX-License-Identifier: Apache-2.0
# zsh completion for rtt: rtt completion zsh > "${fpath[1]}/_rtt"
_rtt() {
  local -a candidates
  candidates=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ ${#candidates} -eq 0 || -z "${candidates[1]}" ]]; then
    _files
  else
    compadd -- "${candidates[@]}"
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _rtt "$@"
else
  compdef _rtt rtt
fi
