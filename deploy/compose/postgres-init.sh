#!/bin/sh
# Run by the Postgres image when its volume is new: makes the two databases with their roles.
set -eu
sql=${SQL:-/sql}
secrets=${SECRETS:-/run/secrets}

run() {
    psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$1"
}

# A password goes through psql's standard input, so that no list of processes shows it.
password() {
    printf '%s\n' "\\set password \`cat '$2'\`" "ALTER ROLE $1 PASSWORD :'password';" | run postgres
}

for database in emag meltano; do
    echo "CREATE DATABASE $database;" | run postgres
done
run emag < "$sql/warehouse.sql"
run meltano < "$sql/meltano.sql"
password emag_loader "$secrets/loader_password"
password emag_meltano "$secrets/meltano_password"
