/* SPDX-License-Identifier: Apache-2.0
 * Publishes about a thousand events a second until a line comes on stdin; says at the end what came of them.
 * `publish WORKSPACE SYMBOL`. */
#include <poll.h>
#include <rtt.h>
#include <stdio.h>

static int told_to_stop(void) {
  struct pollfd in = {.fd = 0, .events = POLLIN};
  return poll(&in, 1, 0) > 0 && (in.revents & POLLIN) != 0;
}

int main(int argc, char **argv) {
  rtt_error why;
  long published = 0, dropped = 0, other = 0;
  rtt_endpoint *me = argc == 3 ? rtt_attach(argv[1], argv[2], &why) : NULL;
  if (!me) return fprintf(stderr, "%d %s\n", argc == 3 ? why.code : 0, argc == 3 ? why.message : "usage"), 1;
  while (!told_to_stop()) {
    size_t sent = 0, lost = 0;
    int code = rtt_publish(me, "event", 5, &sent, &lost, &why);
    published += (long)sent, dropped += (long)lost;
    if (code != 0 && code != 501) other++, fprintf(stderr, "%d %s\n", code, why.message); /* 501: nobody listens yet */
    rtt_poll(me, 1, NULL);
  }
  printf("{\"sent\":%ld,\"dropped\":%ld,\"other\":%ld}\n", published, dropped, other);
  rtt_detach(me);
  return 0;
}
