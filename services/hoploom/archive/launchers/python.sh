#!/bin/sh
# The host's Python @PYTHON@ with the packages of this folder and no others, wherever the folder was moved to.
python=$(command -v python@PYTHON@ || command -v python3) || {
    echo "hoploom: this host has no Python @PYTHON@: 'apt install python3' brings it on Debian 12" >&2
    exit 2
}
here=$(readlink -f "$0") || exit 2
options=
while :; do
    case "${1-}" in
        -X | -W) options="$options $1 ${2-}"; shift 2 ;;
        -m* | -c* | - | '' | [!-]*) break ;;
        *) options="$options $1"; shift ;;
    esac
done
# shellcheck disable=SC2086 # options are words
exec "$python" -I -S $options "${here%/bin/*}/lib/hoploom/archive/launch.py" @PYTHON@ @ARCH@ "$@"
