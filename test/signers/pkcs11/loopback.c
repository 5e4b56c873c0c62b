/* Preloaded into pcscd: its driver for virtual cards would listen on every address of the machine. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
  int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
  struct sockaddr_in local;
  if (address->sa_family != AF_INET || length < sizeof local)
    return next(fd, address, length);
  memcpy(&local, address, sizeof local);
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return next(fd, (const struct sockaddr *)&local, sizeof local);
}
