#!/bin/sh
# Puts the program, its units and its folders in their places; run by `make install` as root.
#
#   install.sh program WHEEL LOCK...  a fresh virtual environment in /opt/inboxbot
#   install.sh files                  units, user, folders, configuration and templates to start from
#
# DESTDIR goes before every place. What an administrator may have edited is never overwritten.
set -eu
umask 022
here=$(cd "$(dirname "$0")/.." && pwd)
root=${DESTDIR:-}
program=/opt/inboxbot
settings=/etc/inboxbot

install_program() {
    wheel=$1
    shift
    # Fetched while the old program goes on: what fails here has changed nothing.
    if ! make_environment "$root$program.new" "$@"; then
        rm -rf "$root$program.new"
        echo "Nothing was changed: the program could not be installed." >&2
        exit 1
    fi
    running=
    if [ -z "$root" ] && [ -x "$program/bin/inboxbot" ] && [ -e /var/lib/inboxbot/inboxbot.sqlite3 ]; then
        # The old program copies the old database before the new one sees it.
        echo "Backing up before the upgrade ..."
        INBOXBOT_CONFIG="$settings/inboxbot.toml" /usr/local/bin/inboxbot backup
    fi
    if [ -z "$root" ] && [ -d /run/systemd/system ]; then
        for unit in inboxbot-web inboxbot; do
            if systemctl --quiet is-active $unit; then running="$unit $running"; fi
        done
        [ -z "$running" ] || systemctl stop $running
    fi
    rm -rf "$root$program.old"
    [ ! -e "$root$program" ] || mv "$root$program" "$root$program.old"
    mv "$root$program.new" "$root$program"
    find "$root$program/bin" -type f -exec sed -i "s|$root$program.new|$program|g" {} +
    if ! install_into "$root$program" --no-deps --no-index "$wheel"; then
        rm -rf "$root$program"
        [ ! -e "$root$program.old" ] || mv "$root$program.old" "$root$program"
        [ -z "$running" ] || systemctl start $running
        echo "The program that was there is in its place again: the new one could not be installed." >&2
        exit 1
    fi
    rm -rf "$root$program.old"
    [ -z "$running" ] || echo "Stopped for the upgrade: start with  systemctl start $running"
}

make_environment() {
    # The services see nobody's home: a Python that lies in one would not start there.
    case $("${PYTHON:-python3}" -c 'import os, sys; print(os.path.realpath(sys.executable))') in
        /home/* | /root/*)
            echo "This Python lies in a home folder. Name another: make install PYTHON=/usr/bin/python3" >&2
            return 1
            ;;
    esac
    environment=$1
    shift
    rm -rf "$environment"
    "${PYTHON:-python3}" -m venv "$environment" || return 1
    for lock in "$@"; do
        install_into "$environment" --require-hashes -r "$lock" || return 1
    done
}

install_into() {
    python=$1/bin/python
    shift
    "$python" -m pip install --quiet --disable-pip-version-check "$@"
}

install_files() {
    for unit in "$here"/systemd/*.service "$here"/systemd/*.timer; do
        install -D -m 644 "$unit" "$root/etc/systemd/system/$(basename "$unit")"
    done
    install -D -m 644 "$here/systemd/inboxbot.sysusers.conf" "$root/usr/lib/sysusers.d/inboxbot.conf"
    install -D -m 644 "$here/systemd/inboxbot.tmpfiles.conf" "$root/usr/lib/tmpfiles.d/inboxbot.conf"
    install -D -m 755 "$here/systemd/inboxbot.sh" "$root/usr/local/bin/inboxbot"
    for page in "$here"/docs/operations/*; do
        install -D -m 644 "$page" "$root/usr/local/share/doc/inboxbot/$(basename "$page")"
    done
    mkdir -p "$root/etc"
    systemd-sysusers --root="${root:-/}" "$here/systemd/inboxbot.sysusers.conf"
    systemd-tmpfiles --root="${root:-/}" --create "$here/systemd/inboxbot.tmpfiles.conf"
    keep "$here/config/inboxbot.example.toml" "$settings/inboxbot.toml"
    keep "$here/config/knowledge.toml" "$settings/knowledge.toml"
    (cd "$here/templates" && find . -type f ! -name checked.txt) | while read -r file; do
        keep "$here/templates/$file" "$settings/templates/$file"
    done
    owner=$(stat -c %u:%g "$root$settings/templates")
    chown -R "$owner" "$root$settings/templates"
    chgrp "${owner#*:}" "$root$settings/inboxbot.toml" "$root$settings/knowledge.toml"
    completions
    if [ -z "$root" ] && [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        # The `inboxbot` command asks systemd over it; a fresh package has not started it yet.
        systemctl start dbus.socket || echo "Missing: apt-get install dbus" >&2
    fi
}

# What lets the shells complete the words of the command.
completions() {
    [ -x "$root$program/bin/inboxbot" ] || return 0
    share=$root/usr/local/share
    while read -r shell file; do
        mkdir -p "$share/$(dirname "$file")"
        _INBOXBOT_COMPLETE=${shell}_source "$root$program/bin/inboxbot" >"$share/$file"
    done <<-FILES
	bash bash-completion/completions/inboxbot
	zsh zsh/site-functions/_inboxbot
	fish fish/vendor_completions.d/inboxbot.fish
	FILES
}

keep() {
    [ -e "$root$2" ] || install -D -m 640 "$1" "$root$2"
}

case ${1:-} in
    program) shift; install_program "$@" ;;
    files) install_files ;;
    *) sed -n '2,8p' "$0"; exit 64 ;;
esac
