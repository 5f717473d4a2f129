#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/socket.h>
#include "CLinux.h"

struct millrace_datagrams {
    unsigned slots;
    size_t slot_bytes, stride;
    uint8_t *bytes;
    struct mmsghdr *headers;
    struct iovec *parts;
    struct sockaddr_storage *senders;
    uint8_t (*control)[CMSG_SPACE(sizeof(uint32_t))];
};

struct millrace_datagrams *millrace_datagrams_new(unsigned slots, size_t slot_bytes) {
    struct millrace_datagrams *all = calloc(1, sizeof *all);
    if (!all) return NULL;
    all->slots = slots;
    all->slot_bytes = slot_bytes;
    // Not a power of two, or the starts of all slots would fall into the same few cache lines.
    all->stride = ((slot_bytes + 63) & ~(size_t)63) + 33 * 64;
    all->bytes = malloc(all->stride * slots);
    all->headers = calloc(slots, sizeof *all->headers);
    all->parts = calloc(slots, sizeof *all->parts);
    all->senders = calloc(slots, sizeof *all->senders);
    all->control = calloc(slots, sizeof *all->control);
    if (!all->bytes || !all->headers || !all->parts || !all->senders || !all->control) {
        millrace_datagrams_free(all);
        return NULL;
    }
    return all;
}

void millrace_datagrams_free(struct millrace_datagrams *all) {
    if (!all) return;
    free(all->bytes);
    free(all->headers);
    free(all->parts);
    free(all->senders);
    free(all->control);
    free(all);
}

int millrace_datagrams_receive(struct millrace_datagrams *all, int socket, uint32_t *overflow) {
    for (unsigned i = 0; i < all->slots; i++) {
        all->parts[i] = (struct iovec){.iov_base = all->bytes + i * all->stride, .iov_len = all->slot_bytes};
        all->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &all->senders[i],
            .msg_namelen = sizeof all->senders[i],
            .msg_iov = &all->parts[i],
            .msg_iovlen = 1,
            .msg_control = all->control[i],
            .msg_controllen = sizeof all->control[i],
        };
    }
    int count = recvmmsg(socket, all->headers, all->slots, MSG_DONTWAIT, NULL);
    if (count < 0) return (errno == EAGAIN || errno == EINTR) ? 0 : -errno;
    if (count > 0) {
        struct msghdr *last = &all->headers[count - 1].msg_hdr;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(last); c; c = CMSG_NXTHDR(last, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) memcpy(overflow, CMSG_DATA(c), sizeof *overflow);
    }
    return count;
}

const uint8_t *millrace_datagrams_bytes(const struct millrace_datagrams *all, unsigned index, size_t *count) {
    *count = all->headers[index].msg_len;
    return all->bytes + index * all->stride;
}

int millrace_datagrams_is_cut(const struct millrace_datagrams *all, unsigned index) {
    return (all->headers[index].msg_hdr.msg_flags & MSG_TRUNC) != 0;
}

int millrace_datagrams_sender(const struct millrace_datagrams *all, unsigned index, uint8_t address[16]) {
    if (all->headers[index].msg_hdr.msg_namelen == 0) return 0;
    return millrace_host_address((const struct sockaddr *)&all->senders[index], address);
}

int millrace_host_address(const struct sockaddr *name, uint8_t address[16]) {
    if (name->sa_family == AF_INET) {
        memcpy(address, &((const struct sockaddr_in *)name)->sin_addr, 4);
        return 4;
    }
    if (name->sa_family == AF_INET6) {
        memcpy(address, &((const struct sockaddr_in6 *)name)->sin6_addr, 16);
        return 16;
    }
    return 0;
}

int millrace_datagram_socket(const struct sockaddr *address, socklen_t address_bytes, int buffer_bytes, int *got_bytes) {
    int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    // As root the first passes net.core.rmem_max; the second is capped by it without a word.
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    socklen_t size = sizeof *got_bytes;
    *got_bytes = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, got_bytes, &size) == 0) *got_bytes /= 2;
    if (bind(fd, address, address_bytes) != 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int millrace_socket_port(int socket) {
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    if (getsockname(socket, (struct sockaddr *)&name, &size) != 0) return -errno;
    if (name.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&name)->sin_port);
    if (name.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&name)->sin6_port);
    return 0;
}

int millrace_wait_readable(int socket, int wake, int milliseconds) {
    struct pollfd both[2] = {{.fd = socket, .events = POLLIN}, {.fd = wake, .events = POLLIN}};
    int ready = poll(both, 2, milliseconds);
    if (ready < 0) return errno == EINTR ? 0 : -errno;
    return ((both[0].revents != 0) ? 1 : 0) | ((both[1].revents != 0) ? 2 : 0);
}
