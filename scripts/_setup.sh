# Sourced by the other scripts: makes .venv once and keeps it in step with pyproject.toml.
# Uses uv where it is present, else venv and pip.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$root/.venv"

# The dev stack and the tests start hundreds of processes: each module is compiled once, also on a machine whose
# environment forbids to keep that.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$venv/compiled"

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "pointsman needs Python 3.11 or newer, and there is none on PATH." >&2
    echo "Install one, or name it: PYTHON=/path/to/python3.12 $0" >&2
    return 1
}

# make_venv PYTHON: where there is none yet.
make_venv() {
    [ ! -x "$venv/bin/python" ] || return 0
    if command -v uv >/dev/null 2>&1; then
        uv venv --quiet --allow-existing --python "$1" "$venv"
    else
        "$1" -m venv "$venv"
    fi
}

# install ARGUMENT...: into .venv, by uv or pip.
install() {
    if command -v uv >/dev/null 2>&1; then
        uv pip install --quiet --python "$venv/bin/python" "$@"
    else
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    fi
}

# The router's fast path and the audit's reader, where cargo can build them; everything works without them.
build_native() {
    command -v cargo >/dev/null 2>&1 || return 0
    local log="$venv/build-native.log"
    if ! (cd "$root" && install ./services/native) >"$log" 2>&1; then
        echo "the native library could not be built ($log says why); every job takes the full path" >&2
    fi
}

# set_up [all]: the project with what the dev command needs, or with all that checks and tests need; versions and
# hashes are those of requirements/.
set_up() {
    local python stamp wanted kind="${1:-dev}"
    python="$(find_python)" || exit 1
    stamp="$venv/.pointsman-$kind"
    wanted="$(cat "$root/pyproject.toml" "$root/requirements/$kind.txt" "$root"/services/native/*.toml "$root"/services/native/src/*.rs | "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')"
    if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    echo "setting up $venv (once)" >&2
    make_venv "$python"
    # Hashes are for files that are fetched, so the project itself is installed apart from them.
    (cd "$root" && install --require-hashes -r "requirements/$kind.txt" && install --no-deps -e .)
    build_native
    echo "$wanted" > "$stamp"
}
