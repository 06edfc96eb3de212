# Sourced by the other scripts. Creates .venv and updates it when its inputs change. Uses uv if installed, else pip.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$root/.venv"

# The dev stack and the tests start hundreds of processes. Keep compiled modules, even if the environment disables it.
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
    echo "pointsman needs Python 3.11 or newer, but none was found on PATH." >&2
    echo "Install it, or set PYTHON: PYTHON=/path/to/python3.12 $0" >&2
    return 1
}

# make_venv PYTHON: create the environment if it does not exist.
make_venv() {
    [ ! -x "$venv/bin/python" ] || return 0
    if command -v uv >/dev/null 2>&1; then
        uv venv --quiet --allow-existing --python "$1" "$venv"
    else
        "$1" -m venv "$venv"
    fi
}

# install ARGUMENT...: install into the environment, with uv or pip.
install() {
    if command -v uv >/dev/null 2>&1; then
        uv pip install --quiet --python "$venv/bin/python" "$@"
    else
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    fi
}

# build_native: build the optional native library (router's fast path, audit's reader) if cargo is installed.
build_native() {
    command -v cargo >/dev/null 2>&1 || return 0
    local log="$venv/build-native.log"
    echo "building the native library (services/native)" >&2
    if ! (cd "$root" && install ./services/native) >"$log" 2>&1; then
        echo "the native library could not be built (see $log); every job takes the full path" >&2
    fi
}

# set_up [all]: install the project with the dependencies of `pointsman dev`, or with those of all checks and tests,
# pinned by requirements/.
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
    # --require-hashes does not accept a local project, so the project is installed separately.
    (cd "$root" && install --require-hashes -r "requirements/$kind.txt" && install --no-deps -e .)
    build_native
    echo "$wanted" > "$stamp"
}
