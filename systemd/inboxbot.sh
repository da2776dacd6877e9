#!/bin/sh
# The `inboxbot` command. For root it runs as the service does: as its user, so that no file of
# the state folder ever belongs to root, and with the credentials that systemd hands to it.
program=/opt/inboxbot/bin/inboxbot
export INBOXBOT_CONFIG="${INBOXBOT_CONFIG:-/etc/inboxbot/inboxbot.toml}"
if [ "$(id -u)" != 0 ]; then exec "$program" "$@"; fi
if [ ! -d /run/systemd/system ]; then exec runuser -u inboxbot -- "$program" "$@"; fi
set -- "$program" "$@"
for file in /etc/inboxbot/credentials/*; do
    if [ -f "$file" ]; then set -- --property="LoadCredential=${file##*/}:$file" "$@"; fi
done
if [ -t 0 ] && [ -t 1 ]; then set -- --pty "$@"; else set -- --pipe "$@"; fi
exec systemd-run --quiet --wait --collect --same-dir --uid=inboxbot --gid=inboxbot \
    --setenv=INBOXBOT_CONFIG --property=UMask=0077 "$@"
