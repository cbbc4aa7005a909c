/*
 * What a panic needs from parts that stand above base. Each hook may be missing, is called at most once, with interrupts
 * masked, and must not rely on any lock. Set once at boot.
 */
#pragma once
struct panic_hooks {
    void (*stop_other_cpus)(void);       /* arch: they halt; returns soon even when one does not */
    void (*print_backtrace)(void);       /* arch: the caller's stack, on the log */
    void (*tell_host)(const char *text); /* init: "panic TEXT" on the control channel; adds "panic " itself */
};
/* Fills in what is not NULL. */
void panic_set_hooks(const struct panic_hooks *hooks);
/* As panic(), when the caller has already printed a backtrace of the place that matters (an exception's). */
_Noreturn void panic_without_backtrace(const char *format, ...) __attribute__((format(printf, 1, 2)));
