/*
 * The door behind a worker that handles what nobody trusts. Once it is closed the
 * process computes and answers, no more: it has the descriptors and the memory
 * that are there, may read the ones, take more of the other up to a limit, start
 * threads, write to one socket, and end. It cannot open, create or look at files,
 * reach a network, start, trace or signal another process, or make memory
 * executable: all that fails with EACCES, and there is no way back.
 *
 * Code that needs files, libraries above all, loads them before.
 */
#ifndef TRANSPORT_SANDBOX_H
#define TRANSPORT_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

/*
 * Closes the door: out is the descriptor to write to, memory the bytes of private
 * memory that may be taken beside what there is now. A kernel that cannot do it is
 * a fault: nothing goes on without it. 0 or -1.
 */
int	sandbox_enter(int out, uint64_t memory, struct fault *);

/*
 * Is this process under a tool that looks for errors in it? Address and thread
 * sanitizers write reports to standard error. Valgrind makes system calls of
 * every kind on our behalf: under it the limits hold and the door stays open.
 */
bool	sandbox_watched(void);

#endif
