/* SPDX-License-Identifier: Apache-2.0
 * Asks each of its ports in turn, as fast as it is answered, until a line comes on stdin; says at the end what came of
 * all calls. `ask_all WORKSPACE CONSUMER DEADLINE_MS PORT...`. */
#include <poll.h>
#include <rtt.h>
#include <stdio.h>
#include <stdlib.h>

static int told_to_stop(void) {
  struct pollfd in = {.fd = 0, .events = POLLIN};
  return poll(&in, 1, 0) > 0 && (in.revents & POLLIN) != 0;
}

int main(int argc, char **argv) {
  rtt_error why;
  long asked = 0, answered = 0;
  rtt_endpoint *me = argc > 4 ? rtt_attach(argv[1], argv[2], &why) : NULL;
  if (!me) return fprintf(stderr, "%s\n", argc > 4 ? why.message : "usage"), 1;
  while (!told_to_stop()) {
    for (int i = 4; i < argc; ++i) {
      rtt_reply reply = {0};
      asked++;
      if (rtt_call(me, argv[i], "{}", 2, atoi(argv[3]), &reply, &why) == 0) answered++;
      rtt_free(&reply);
    }
  }
  printf("{\"asked\":%ld,\"answered\":%ld}\n", asked, answered);
  rtt_detach(me);
  return 0;
}
