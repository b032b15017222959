#!/usr/bin/env bash
# Runs one Kafka broker, its own controller too, in the foreground on loopback; killing this process
# kills the broker itself.
#
#   kafka.sh --data DIR --port PORT --controller-port PORT [--advertised-port PORT] [--heap 512m]
#
# Clients are sent to the advertised port, which a proxy may listen on.
# The storage is formatted on first use only and kept from then on: start it again with the same
# folder and ports, and it goes on where it was.
set -euo pipefail
source "$(dirname "$0")/common.sh"

data='' port='' controller_port='' advertised_port='' heap=512m
read_flags 'data port controller-port advertised-port heap' "$@"
[ -n "$data" ] && [ -n "$port" ] && [ -n "$controller_port" ] || die 'needs --data, --port and --controller-port'
ensure kafka "$kafka_jars"

mkdir -p "$data"
config=$data/server.properties
sed -e "s|@data@|$data|" -e "s|@port@|$port|" -e "s|@controller_port@|$controller_port|" \
  -e "s|@advertised_port@|${advertised_port:-$port}|" "$servers_dir/kafka/server.properties" >"$config"

# Short-lived and small: the first compiler tier and the serial collector start faster and leave the
# cores to the test.
java_flags=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -cp "$kafka_jars/*"
  -Dorg.slf4j.simpleLogger.showDateTime=true '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS')

if [ ! -e "$data/log/meta.properties" ]; then
  id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')
  # A leading dash would be read as a flag.
  java "${java_flags[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    kafka.tools.StorageTool format --cluster-id "A${id:1}" --config "$config"
fi
exec java "-Xms$heap" "-Xmx$heap" "${java_flags[@]}" kafka.Kafka "$config"
