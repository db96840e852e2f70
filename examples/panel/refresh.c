/* SPDX-License-Identifier: Apache-2.0
 * A consumer: asks the metrics it is wired to, COUNT times, every PERIOD_MS milliseconds, and says who answered how
 * often. `refresh WORKSPACE COUNT PERIOD_MS`. */
#include <rtt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  rtt_error why;
  long asked, errors = 0, count = argc == 4 ? atol(argv[2]) : 0;
  char last[128] = "", *at;
  rtt_endpoint *me = argc == 4 ? rtt_attach(argv[1], "rtt://ui/hook/refresh", &why) : NULL;
  if (!me) return fprintf(stderr, "%s\n", argc == 4 ? why.message : "usage: refresh WORKSPACE COUNT PERIOD_MS"), 1;
  for (asked = 0; asked < count; asked++) {
    rtt_reply reply = {0};
    if (rtt_call(me, "rtt://core/api/metrics", "{}", 2, 5000, &reply, &why) != 0) {
      errors++;
      fprintf(stderr, "%s\n", why.message);
    } else if ((at = strchr(reply.data, ',')) != NULL) {
      *at = '\0';
      if (strcmp(last, reply.data) != 0) printf("%ld %s\n", asked, (char *)reply.data), fflush(stdout);
      snprintf(last, sizeof last, "%s", (char *)reply.data);
    }
    rtt_free(&reply);
    rtt_poll(me, atoi(argv[3]), NULL);
  }
  printf("{\"asked\":%ld,\"errors\":%ld}\n", asked, errors);
  rtt_detach(me);
  return errors == 0 ? 0 : 1;
}
