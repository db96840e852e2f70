/* SPDX-License-Identifier: Apache-2.0
 * Asks as fast as it is answered: each request has a number of its own, each reply must carry it. Ends at a line on
 * stdin or after COUNT calls; says on stdout who answered from when on, and at the end what came of all calls.
 * `ask WORKSPACE COUNT DEADLINE_MS`. */
#include <poll.h>
#include <rtt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int told_to_stop(void) {
  struct pollfd in = {.fd = 0, .events = POLLIN};
  return poll(&in, 1, 0) > 0 && (in.revents & POLLIN) != 0;
}

int main(int argc, char **argv) {
  rtt_error why;
  long asked = 0, answered = 0, wrong = 0, lost = 0, late = 0, other = 0, count = argc == 4 ? atol(argv[2]) : 0;
  char last[64] = "", by[64] = "", want[64];
  rtt_endpoint *me = argc == 4 ? rtt_attach(argv[1], "rtt://ui/hook/refresh", &why) : NULL;
  if (!me) return fprintf(stderr, "%d %s\n", argc == 4 ? why.code : 0, argc == 4 ? why.message : "usage"), 1;
  while (asked < count && (asked % 64 != 0 || !told_to_stop())) {
    char request[64];
    rtt_reply reply = {0};
    int n = snprintf(request, sizeof request, "{\"n\":%ld}", asked++);
    int code = rtt_call(me, "rtt://core/api/metrics", request, (size_t)n, atoi(argv[3]), &reply, &why);
    if (code == 0) {
      snprintf(want, sizeof want, "\"request\":%s}", request);
      if (strstr(reply.data, want) == NULL) wrong++;
      answered++;
      if (sscanf(reply.data, "{\"by\":\"%63[^\"]", by) == 1 && strcmp(by, last) != 0)
        printf("%ld %s\n", asked - 1, strcpy(last, by)), fflush(stdout);
    } else {
      *(code == 704 ? &lost : code == 705 ? &late : &other) += 1;
      fprintf(stderr, "%ld: %d %s\n", asked - 1, code, why.message);
    }
    rtt_free(&reply);
  }
  printf("{\"asked\":%ld,\"answered\":%ld,\"wrong\":%ld,\"lost\":%ld,\"late\":%ld,\"other\":%ld}\n", asked, answered, wrong,
         lost, late, other);
  rtt_detach(me);
  return 0;
}
