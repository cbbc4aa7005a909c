"""The figures taken, the table, the targets and bench.json."""
import json
import os
import statistics

SYSTEMS = ["skiff", "linux", "floor"]
# Figure, what the target says, and the measure that must not be above (or below) the limit: medians m by system.
TARGETS = [
    ("C hello, microvm", "at most the floor + 25 ms", lambda m: m["skiff"] - m["floor"], "<=", 25, " ms over the floor"),
    ("java hello, 1 vCPU", "at most 0.3 of Linux", lambda m: m["skiff"] / m["linux"], "<=", 0.3, " of Linux"),
    ("java hello, 2 vCPUs", "at most 0.3 of Linux", lambda m: m["skiff"] / m["linux"], "<=", 0.3, " of Linux"),
    ("Spring Boot, first 200", "at most 0.7 of Linux", lambda m: m["skiff"] / m["linux"], "<=", 0.7, " of Linux"),
    ("HTTP over TAP, 1 vCPU", "at least 1.5 times Linux", lambda m: m["skiff"] / m["linux"], ">=", 1.5, " times Linux"),
    ("HTTP over TAP, 2 vCPUs", "at least 1.5 times Linux", lambda m: m["skiff"] / m["linux"], ">=", 1.5, " times Linux"),
    ("HTTP over user net, 1 vCPU", "at least 1.5 times Linux", lambda m: m["skiff"] / m["linux"], ">=", 1.5, " times Linux"),
    ("HTTP over user net, 2 vCPUs", "at least 1.5 times Linux", lambda m: m["skiff"] / m["linux"], ">=", 1.5, " times Linux"),
    ("smallest memory, C hello", "at most 8 MiB", lambda m: m["skiff"], "<=", 8, " MiB"),
    ("smallest memory, java hello", "at most 64 MiB", lambda m: m["skiff"], "<=", 64, " MiB"),
    ("kernel file", "at most 1024 KiB", lambda m: m["skiff"], "<=", 1024, " KiB"),
]


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def cell(values):
    """The median and the range: 120 (110-140)."""
    if not values:
        return "-"
    if min(values) == max(values):
        return number(values[0])
    return f"{number(statistics.median(values))} ({number(min(values))}-{number(max(values))})"


class Results:
    def __init__(self):
        self.figures = {}
        self.notes = []

    def add(self, figure, unit, system, value):
        entry = self.figures.setdefault(figure, {"unit": unit, **{name: [] for name in SYSTEMS}})
        entry[system].append(round(value, 3))

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def write_json(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.figures, file, indent=1)
            file.write("\n")

    def print_table(self):
        rows = [["figure", "unit", "Skiff", "Linux guest", "floor", "Skiff/Linux"]]
        for name, entry in self.figures.items():
            ratio = "-"
            if entry["skiff"] and entry["linux"] and statistics.median(entry["linux"]):
                ratio = f"{statistics.median(entry['skiff']) / statistics.median(entry['linux']):.3f}"
            rows.append([name, entry["unit"], *(cell(entry[system]) for system in SYSTEMS), ratio])
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())
        print()
        self.print_targets()
        for note in self.notes:
            print(f"note: {note}")

    def print_targets(self):
        for name, words, measure, relation, limit, unit in TARGETS:
            entry = self.figures.get(name, {})
            medians = {system: statistics.median(entry[system]) for system in SYSTEMS if entry.get(system)}
            try:
                value = measure(medians)
            except KeyError:
                continue  # not taken in this run
            is_met = value <= limit if relation == "<=" else value >= limit
            print(f"target {'met   ' if is_met else 'MISSED'}  {name}: {words}; {number(value)}{unit}")
