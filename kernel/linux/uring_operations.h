/* What each operation of io_uring does. */
#pragma once
#include <uring/uring.h>
/* NULL: Skiff does not have it. */
const struct uring_operation *uring_operation_of(uint8_t opcode);
enum { URING_OPCODES = 48 }; /* of Linux 6.1, about */
