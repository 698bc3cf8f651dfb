#!/bin/sh
# The command `hoploom` of this folder.
here=$(readlink -f "$0") || exit 2
exec "${here%/*}/python" -m hoploom.cli "$@"
