/* SPDX-License-Identifier: Apache-2.0
 * Memory passed through a route: `pass_fd ask WORKSPACE TEXT` sends a memfd with TEXT in it and prints what is in the one
 * it gets back; `pass_fd serve WORKSPACE` answers with a memfd of its own, in which the text stands backwards. */
#define _GNU_SOURCE
#include <rtt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static rtt_endpoint *me;

static void stop(int signal_number) {
  (void)signal_number;
  rtt_stop(me);
}

static int memory_of(const char *text, size_t bytes) {
  int fd = memfd_create("passed", MFD_CLOEXEC);
  return fd >= 0 && write(fd, text, bytes) == (ssize_t)bytes ? fd : -1;
}

static size_t text_in(int fd, char *into, size_t room) {
  off_t bytes = lseek(fd, 0, SEEK_END);
  const char *mapped = bytes <= 0 ? MAP_FAILED : mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED || (size_t)bytes >= room) return 0;
  memcpy(into, mapped, (size_t)bytes);
  into[bytes] = '\0';
  munmap((void *)mapped, (size_t)bytes);
  return (size_t)bytes;
}

static void answer(void *context, rtt_endpoint *e, const rtt_message *m) {
  char text[256], back[256];
  size_t bytes = m->fd_count == 1 ? text_in(m->fds[0], text, sizeof text) : 0;
  (void)context;
  for (size_t i = 0; i < bytes; i++) back[i] = text[bytes - 1 - i];
  int fd = memory_of(back, bytes);
  rtt_answer_fds(e, m->lane, m->id, "", 0, &fd, 1, NULL);
  close(fd);
}

int main(int argc, char **argv) {
  rtt_error why;
  char text[256];
  int serves = argc == 3 && strcmp(argv[1], "serve") == 0;
  if (!serves && argc != 4) return 2;
  me = rtt_attach(argv[2], serves ? "rtt://core/api/metrics#prom" : "rtt://ui/hook/refresh", &why);
  if (!me) return fprintf(stderr, "%d %s\n", why.code, why.message), 1;
  if (serves) {
    signal(SIGTERM, stop);
    rtt_on_message(me, answer, NULL);
    rtt_serve(me, NULL);
  } else {
    rtt_reply reply;
    int fd = memory_of(argv[3], strlen(argv[3]));
    if (rtt_call_fds(me, "rtt://core/api/metrics", "", 0, &fd, 1, 10000, &reply, &why) != 0)
      return fprintf(stderr, "%d %s\n  %s\n", why.code, why.message, why.hint), 1;
    if (reply.fd_count != 1 || text_in(reply.fds[0], text, sizeof text) == 0) return 1;
    puts(text);
    rtt_free(&reply);
  }
  rtt_detach(me);
  return 0;
}
