// Datagram sockets, many datagrams per system call; and one poll for a socket and an eventfd.
#ifndef MILLRACE_DATAGRAMS_H
#define MILLRACE_DATAGRAMS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// Room for `slots` datagrams of at most `slot_bytes` bytes; NULL when there is no memory.
struct millrace_datagrams;
struct millrace_datagrams *millrace_datagrams_new(unsigned slots, size_t slot_bytes);
void millrace_datagrams_free(struct millrace_datagrams *all);

// Takes what is there without waiting: how many datagrams (0: none now), or a negative error number.
// `overflow` is set to the kernel's count of datagrams it dropped since the socket was made, if it said one.
int millrace_datagrams_receive(struct millrace_datagrams *all, int socket, uint32_t *overflow);

// One datagram of the last `receive`; valid until the next.
const uint8_t *millrace_datagrams_bytes(const struct millrace_datagrams *all, unsigned index, size_t *count);
// Whether it was longer than a slot.
int millrace_datagrams_is_cut(const struct millrace_datagrams *all, unsigned index);
// Its sender's address in network order: 4 or 16 bytes, which is also what is returned; 0 when there is none.
int millrace_datagrams_sender(const struct millrace_datagrams *all, unsigned index, uint8_t address[16]);
// The same for any socket address.
int millrace_host_address(const struct sockaddr *name, uint8_t address[16]);

// A bound, non-blocking socket that counts drops, with a receive buffer as near to `buffer_bytes` as the system gives
// (`got_bytes` says); or a negative error number.
int millrace_datagram_socket(const struct sockaddr *address, socklen_t address_bytes, int buffer_bytes, int *got_bytes);
// The port a socket is bound to; 0 when its kind has none, or a negative error number.
int millrace_socket_port(int socket);
// Waits (-1: without end) until bit 0, the socket, or bit 1, the eventfd, is readable; 0 when neither.
int millrace_wait_readable(int socket, int wake, int milliseconds);
#endif
