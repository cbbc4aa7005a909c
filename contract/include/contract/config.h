/*
 * How a machine learns what to run. A configuration is a sequence of records "key=value", each ended by a NUL byte; keys
 * are lower-case words, values any bytes but NUL. Order matters where a key may repeat. Sources, later ones on top:
 *   1. the image's own: the file SKIFF_CONFIG_PATH in its root,
 *   2. fw_cfg file SKIFF_CONFIG_FW_CFG,
 *   3. the Linux-style kernel command line: init=PATH, words behind "--" as arguments, hostname=, ip=, loglevel=, trace.
 *
 * Keys:
 *   program=PATH     what to execute, absolute or looked up in PATH
 *   arg0=TEXT        argv[0] when it differs from program
 *   arg=TEXT         one more argument (repeats, appended after the image's own)
 *   args-reset=1     drops the arguments that lower sources gave
 *   env=NAME=VALUE   sets one variable (repeats; the last one wins); env=NAME= empties, env=NAME unsets
 *   cwd=PATH         working directory
 *   hostname=NAME
 *   user=UID:GID
 *   ip=dhcp | ip=ADDRESS/PREFIX[,GATEWAY]   for eth0; may repeat with "ethN:" before it; default dhcp
 *   dns=ADDRESS      (repeats)
 *   loglevel=0..3    kernel words on the log: error, warning, info, debug
 *   trace=1          log every system call
 *   seed=HEX         extra randomness
 *   stdin=terminal   descriptor 0 is the console as a terminal: lines, editing, signal characters (the default)
 *   stdin=pipe       descriptor 0 is a pipe with the console's bytes as they are; its end comes by contract/control.h
 *   stdin=null       descriptor 0 is /dev/null
 */
#pragma once
#define SKIFF_CONFIG_PATH   "/.skiff/config"
#define SKIFF_CONFIG_FW_CFG "opt/org.skiff/config"
#define SKIFF_CONFIG_MAX    (128 * 1024)
