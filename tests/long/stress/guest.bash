# Inside the machine: stress-ng's stressors one after another, each for some seconds.
# usage: guest.bash ROUNDS SECONDS INSTANCES USER:STRESSOR[,OPTION...]...
# Prints, beside what stress-ng says, "RESULT name status=N seconds=N" for each and "FREE KiB" after each round.
rounds=$1 seconds=$2 instances=$3
shift 3
mkdir -p -m 777 /tmp/stress && cd /tmp/stress || exit 125

free_memory() {
    local name value unit
    while read -r name value unit; do
        [ "$name" != MemFree: ] || echo "$value"
    done </proc/meminfo
}
for ((round = 0; round < rounds; round++)); do
    for item in "$@"; do
        user=${item%%:*}
        IFS=, read -ra words <<<"${item#*:}"
        echo "== ${words[0]}"
        start=$SECONDS
        timeout -k 5 $((seconds + 45)) setpriv --reuid="$user" --clear-groups stress-ng "--${words[0]}" "$instances" \
            "${words[@]:1}" --verify --timeout "${seconds}s" --temp-path . 2>&1
        echo "RESULT ${words[0]} status=$? seconds=$((SECONDS - start))"
        rm -rf /tmp/stress/*
    done
    echo "FREE $(free_memory)"
done
