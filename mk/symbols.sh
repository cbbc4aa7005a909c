#!/usr/bin/env bash
# Prints, as assembly, the kernel's table of function symbols: sorted 32-bit offsets from kernel_text_start and names.
# kernel/arch/x86_64/backtrace.c reads it; pass 1 of the link has weak empty stand-ins for the two symbols.
set -eu
nm -n --defined-only "$1" | awk '
    $3 == "kernel_text_start" { base = $1 }
    $2 ~ /^[tT]$/ && $3 !~ /^(\.L|__pfx)/ { address[n] = $1; name[n++] = $3 }
    END {
        print ".section .symbols, \"a\"";
        print ".globl kernel_symbols, kernel_symbols_end";
        print "kernel_symbols:";
        for (i = 0; i < n; i++)
            printf ".long (0x%s - 0x%s) & 0xffffffff, symbol_name_%d - kernel_symbol_names\n", address[i], base, i;
        print "kernel_symbols_end:";
        print ".globl kernel_symbol_names";
        print "kernel_symbol_names:";
        for (i = 0; i < n; i++)
            printf "symbol_name_%d: .asciz \"%s\"\n", i, name[i];
        print ".section .note.GNU-stack,\"\",@progbits";
    }'
