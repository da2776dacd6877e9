#!/bin/sh
# The `inboxbot` command. For root it runs as the service does: as its user, so that no file of
# the state folder ever belongs to root, and with the credentials that systemd hands to it.
program=/opt/inboxbot/bin/inboxbot
export INBOXBOT_CONFIG="${INBOXBOT_CONFIG:-/etc/inboxbot/inboxbot.toml}"
# What SQLite puts down on the way lies on the disk of the database, as in the units.
export SQLITE_TMPDIR="${SQLITE_TMPDIR:-/var/lib/inboxbot}"
# Asking how the shell completes a word needs no rights.
if [ "$(id -u)" != 0 ] || [ -n "${_INBOXBOT_COMPLETE:-}" ]; then exec "$program" "$@"; fi
# Root's own folders are closed to the service; it then works in its own.
runuser -u inboxbot -- test -x . || cd /var/lib/inboxbot || exit 69
if [ ! -d /run/systemd/system ]; then exec runuser -u inboxbot -- "$program" "$@"; fi
if [ ! -S /run/dbus/system_bus_socket ]; then
    echo "inboxbot: The system bus is missing: apt-get install dbus && systemctl start dbus.socket" >&2
    exit 69
fi
set -- "$program" "$@"
for file in /etc/inboxbot/credentials/*; do
    if [ -f "$file" ]; then set -- --property="LoadCredential=${file##*/}:$file" "$@"; fi
done
if [ -t 0 ] && [ -t 1 ]; then set -- --pty "$@"; else set -- --pipe "$@"; fi
exec systemd-run --quiet --wait --collect --same-dir --uid=inboxbot --gid=inboxbot \
    --setenv=INBOXBOT_CONFIG --setenv=SQLITE_TMPDIR --setenv=SUDO_USER --property=UMask=0077 "$@"
