# SPDX-License-Identifier: Apache-2.0
# bash completion for rtt: source <(rtt completion bash)
_rtt() {
  local line="${COMP_LINE:0:COMP_POINT}" candidate current prefix
  local -a words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current="${words[-1]}"
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("$candidate")
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
  # Readline breaks words at these characters and replaces only what follows the last one.
  prefix="${current%"${current##*[:=@]}"}"
  [[ -n $prefix ]] && COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
  return 0
}
complete -o bashdefault -o default -F _rtt rtt
