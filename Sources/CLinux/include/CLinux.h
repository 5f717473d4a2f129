// System calls that the Glibc module of the toolchain does not import.
#ifndef MILLRACE_CLINUX_H
#define MILLRACE_CLINUX_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#endif
