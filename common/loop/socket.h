/*
 * common/loop/socket.h - sending and receiving without waiting, on the path of every request.
 *
 * The C library's calls may be cancelled with their thread, which costs two locked operations each;
 * no thread here is.
 */
#ifndef SPASS_LOOP_SOCKET_H
#define SPASS_LOOP_SOCKET_H

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A sanitizer looks at the C library's calls; not every machine has these as calls of their own. */
#if defined(SYS_sendto) && defined(SYS_recvfrom) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static inline ssize_t socket_call_send(int fd, const void *bytes, size_t len)
{
	return syscall(SYS_sendto, fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
}

static inline ssize_t socket_call_receive(int fd, void *room, size_t len)
{
	return syscall(SYS_recvfrom, fd, room, len, MSG_DONTWAIT, NULL, NULL);
}
#else
static inline ssize_t socket_call_send(int fd, const void *bytes, size_t len)
{
	return send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static inline ssize_t socket_call_receive(int fd, void *room, size_t len)
{
	return recv(fd, room, len, MSG_DONTWAIT);
}
#endif

/* What was taken at once, or -1 with errno, which is not EINTR. */
static inline ssize_t socket_send(int fd, const void *bytes, size_t len)
{
	ssize_t n;

	do
		n = socket_call_send(fd, bytes, len);
	while (n < 0 && errno == EINTR);
	return n;
}

/* What had come; 0 when the peer says no more; or -1 likewise. */
static inline ssize_t socket_receive(int fd, void *room, size_t len)
{
	ssize_t n;

	do
		n = socket_call_receive(fd, room, len);
	while (n < 0 && errno == EINTR);
	return n;
}

#endif
