// System calls that the Glibc module of the toolchain does not import.
//
// No _GNU_SOURCE here: Swift imports the Glibc module without it, and two definitions of `fd_set` do not go together.
// What needs it is wrapped by a function in a .c file, which defines it first.
#ifndef MILLRACE_CLINUX_H
#define MILLRACE_CLINUX_H
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

// Two modules of the dependencies declare timespec anew, so that Swift cannot name its members in a file that sees them.
static inline long long millrace_realtime_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// Names the calling thread; at most 15 bytes. 0 or an error number.
int millrace_name_thread(const char *name);

#include "datagrams.h"
#endif
