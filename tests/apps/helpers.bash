# Other people's programs, unmodified: a script runs on this Linux and on Skiff, and both must say the same. One image a
# file of tests, with the shell, the usual tools and whatever else the file names; it lies in $BATS_FILE_TMPDIR.
load ../boot/helpers
scripts=$BATS_TEST_DIRNAME/scripts
TOOLS="bash sh cat ls cp mv rm ln mkdir mkfifo mktemp chmod chown touch stat wc head tail sort uniq cut tr tee seq yes split comm join
    paste md5sum sha256sum cmp diff od dd truncate readlink date env nice expr test true false sleep timeout kill uname id printf
    echo grep sed awk find xargs tar gzip gunzip ps flock setsid setpriv script getconf nproc sync shuf factor tty stty"

# Prints a line "HOST:GUEST" for each path that is there; a program's name is looked up.
image_files() {
    local item path
    for item in "$@"; do
        path=$item
        [[ $item == /* ]] || path=$(type -P "$item") || continue
        [ -e "$path" ] || continue
        [[ $path != /bin/* && $path != /sbin/* ]] || path=/usr$path
        printf '  - "%s:%s"\n' "$(realpath "$path")" "$path"
    done
}
app_image() { # PATH-OR-PROGRAM...: beside the tools
    local project=$BATS_FILE_TMPDIR/project
    mkdir -p "$project"
    {
        printf 'program: /usr/bin/bash\ncwd: /scripts\nmemory: 512M\nfiles:\n  - "%s:/scripts"\n' "$scripts"
        image_files $TOOLS "$@" | sort -u
    } >"$project/skiff.yaml"
    "$skiff" build -o "$BATS_FILE_TMPDIR/image" "$project"
}
needs() { # PROGRAM...: skips without
    local program
    for program in "$@"; do
        type -P "$program" >/dev/null || [ -x "$program" ] || skip "$program is not installed"
    done
}
# scripts/NAME.sh here and on Skiff: same output, same status. PORT: the first of four ports that it may use.
same_as_here() { # NAME [OPTION OF skiff run...]
    local name=$1 here=0 there=0
    shift
    (cd "$scripts" && LC_ALL=C.UTF-8 PORT=$((20000 + RANDOM % 10000 / 4 * 4)) timeout 120 bash "$name.sh" </dev/null 2>&1) >"$BATS_TEST_TMPDIR/here" || here=$?
    timeout -k 5 "${LIMIT:-120}" "$skiff" run --accel tcg -e LC_ALL=C.UTF-8 -e HOME=/root -e PORT=8000 \
        -e PATH=/usr/local/bin:/usr/bin:/usr/sbin "$@" "$BATS_FILE_TMPDIR/image" \
        -c "bash $name.sh 2>&1 | cat; exit \${PIPESTATUS[0]}" </dev/null >"$BATS_TEST_TMPDIR/there" 2>"$BATS_TEST_TMPDIR/log" || there=$?
    diff "$BATS_TEST_TMPDIR/here" "$BATS_TEST_TMPDIR/there" || { cat "$BATS_TEST_TMPDIR/log"; return 1; }
    [ "$here" = 0 ] && [ "$there" = 0 ]
}
