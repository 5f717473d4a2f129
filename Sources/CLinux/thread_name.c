#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include "CLinux.h"

int millrace_name_thread(const char *name) { return pthread_setname_np(pthread_self(), name); }
