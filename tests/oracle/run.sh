# run.sh SCRIPT: how every script is run, in both worlds.
. "${BASH_SOURCE[0]%/*}/prelude.sh"
. "$1"
frames_end
