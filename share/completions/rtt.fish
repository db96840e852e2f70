# SPDX-License-Identifier: Apache-2.0
# fish completion for rtt: rtt completion fish > ~/.config/fish/completions/rtt.fish
function __rtt_candidates
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c rtt -a '(__rtt_candidates)'
