#!/usr/bin/env bash
# What action.yml does, and may be run by hand: annotations, a SARIF file and a summary, or the bot's pull request.
set -euo pipefail
slimify=${SLIMIFY:-slimify}
summary=${GITHUB_STEP_SUMMARY:-/dev/null}
output=${GITHUB_OUTPUT:-/dev/null}

yes() { [ "${1:-false}" = true ]; }

check() {
    local paths=() options=() sarif status=0
    mapfile -t paths < <(printf '%s\n' "${INPUT_PATHS:-.}" | sed '/^[[:space:]]*$/d')
    # Behind a double dash: a path is never taken for an option.
    [ -z "${INPUT_LEVEL:-}" ] || options+=(--level "$INPUT_LEVEL")
    sarif=$(mktemp "${RUNNER_TEMP:-/tmp}/slimify-XXXXXX.sarif")
    "$slimify" fix --check --quiet "${options[@]}" --format sarif -- "${paths[@]}" >"$sarif" || status=$?
    [ "$status" -le 1 ] || exit "$status"
    "$slimify" fix --check --quiet "${options[@]}" --format github -- "${paths[@]}" || true
    "$slimify" fix --check --quiet "${options[@]}" --format markdown -- "${paths[@]}" >>"$summary" || true
    {
        echo "sarif=$sarif"
        echo "changes=$("$slimify" fix --check --quiet "${options[@]}" --format json -- "${paths[@]}" |
            python3 -c 'import json, sys; print(sum(one["changed"] for one in json.load(sys.stdin)["files"]))')"
    } >>"$output"
    ! yes "${INPUT_FAIL:-}" || exit "$status"
}

propose() {
    local options=() report status=0
    ! yes "${INPUT_PROVE:-}" || options+=(--prove)
    ! yes "${INPUT_DRY_RUN:-}" || options+=(--dry-run)
    report=$(mktemp "${RUNNER_TEMP:-/tmp}/slimify-XXXXXX.txt")
    local url=()
    [ -z "${GITHUB_SERVER_URL:-}" ] || url=(--url "$GITHUB_SERVER_URL")
    # Only this program gets the token, and not on its command line.
    GITHUB_TOKEN=$INPUT_TOKEN "$slimify" bot run "${options[@]}" "${url[@]}" -- "$GITHUB_REPOSITORY" >"$report" || status=$?
    cat "$report"
    { echo '```text'; sed 's/```/` ` `/g' "$report"; echo '```'; } >>"$summary"
    echo "changes=$(grep -cE ': (would )?(open|refresh)(ed)?\b' "$report" || true)" >>"$output"
    exit "$status"
}

case ${INPUT_MODE:-check} in
    check) check ;;
    pull-request) propose ;;
    *) echo "mode is check or pull-request, and not ${INPUT_MODE@Q}" >&2; exit 2 ;;
esac
