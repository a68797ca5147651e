#!/bin/sh
# Puts secrets that come as files into the environment, where Meltano looks for them: what
# TAP_EMAG_PASSWORD_FILE leads to becomes TAP_EMAG_PASSWORD. Then it becomes the command it is given.
set -eu

secrets=$(env | sed -n 's/^\(\(TAP_EMAG\|TARGET_POSTGRES\|MELTANO\|PG\)[A-Z0-9_]*\)_FILE=.*/\1/p')
for name in $secrets; do
    eval "file=\$${name}_FILE"
    value=$(cat "$file")
    if [ -z "$value" ]; then
        echo "entrypoint: $file is empty" >&2
        exit 1
    fi
    export "$name=$value"
    unset "${name}_FILE"
done

if [ -z "${MELTANO_DATABASE_URI:-}" ]; then
    echo "entrypoint: set MELTANO_DATABASE_URI; what is written inside the container does not last" >&2
    exit 1
fi
exec "$@"
