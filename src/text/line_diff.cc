// SPDX-License-Identifier: Apache-2.0
#include "text/line_diff.h"

#include <fmt/format.h>

#include <algorithm>

namespace rtt::text {
namespace {

constexpr int kAround = 3;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

struct Step {
  char sign;  // ' ', '-' or '+'
  int before, after;
};

// The steps between two lists of lines, by the furthest reaching path for each number of edits.
std::vector<Step> steps_between(const std::vector<std::string_view>& a,
                                const std::vector<std::string_view>& b, int from, int a_end, int b_end) {
  const int n = a_end - from, m = b_end - from, limit = std::min(n + m, kLineDiffEditsMax);
  std::vector<std::vector<int>> trail;
  std::vector<int> reach(static_cast<std::size_t>(2 * limit + 3), 0);
  const auto at = [&](std::vector<int>& in, int k) -> int& {
    return in[static_cast<std::size_t>(k + limit + 1)];
  };
  const auto line = [](const std::vector<std::string_view>& in, int i) {
    return in[static_cast<std::size_t>(i)];
  };
  const auto down = [&](std::vector<int>& in, int d, int k) {
    return k == -d || (k != d && at(in, k - 1) < at(in, k + 1));
  };
  int found = -1;
  for (int d = 0; d <= limit && found < 0; ++d) {
    trail.push_back(reach);
    for (int k = -d; k <= d && found < 0; k += 2) {
      int x = down(reach, d, k) ? at(reach, k + 1) : at(reach, k - 1) + 1;
      while (x < n && x - k < m && line(a, from + x) == line(b, from + x - k)) ++x;
      at(reach, k) = x;
      if (x >= n && x - k >= m) found = d;
    }
  }
  std::vector<Step> out;
  if (found < 0) {
    for (int j = m; j-- > 0;) out.push_back({'+', n + from, from + j});
    for (int i = n; i-- > 0;) out.push_back({'-', from + i, from});
    return {out.rbegin(), out.rend()};
  }
  int x = n, y = m;
  for (int d = found; d >= 0; --d) {
    std::vector<int>& before = trail[static_cast<std::size_t>(d)];
    const int k = x - y;
    const int came = d == 0 ? 0 : down(before, d, k) ? k + 1 : k - 1;
    const int start_x = d == 0 ? 0 : at(before, came), start_y = start_x - came;
    while (x > start_x && y > start_y && (d == 0 || x > std::max(start_x, 0))) {
      if (d > 0 && x - start_x + y - start_y == 1) break;
      out.push_back({' ', from + --x, from + --y});
    }
    if (d == 0) break;
    if (x > start_x) {
      out.push_back({'-', from + --x, from + y});
    } else {
      out.push_back({'+', from + x, from + --y});
    }
  }
  return {out.rbegin(), out.rend()};
}

}  // namespace

std::vector<std::string> line_diff(const DiffSides& sides) {
  const auto a = lines_of(sides.before), b = lines_of(sides.after);
  const auto shown_a = sides.shown_before.empty() ? a : lines_of(sides.shown_before);
  const auto shown_b = sides.shown_after.empty() ? b : lines_of(sides.shown_after);
  const int n = static_cast<int>(a.size()), m = static_cast<int>(b.size());
  int head = 0, tail = 0;
  while (head < std::min(n, m) && a[static_cast<std::size_t>(head)] == b[static_cast<std::size_t>(head)])
    ++head;
  while (tail < std::min(n, m) - head &&
         a[static_cast<std::size_t>(n - 1 - tail)] == b[static_cast<std::size_t>(m - 1 - tail)])
    ++tail;
  std::vector<Step> steps;
  for (int i = 0; i < head; ++i) steps.push_back({' ', i, i});
  for (const Step& step : steps_between(a, b, head, n - tail, m - tail)) steps.push_back(step);
  for (int i = 0; i < tail; ++i) steps.push_back({' ', n - tail + i, m - tail + i});

  std::vector<std::string> out;
  const int count = static_cast<int>(steps.size());
  const auto step = [&](int i) -> const Step& { return steps[static_cast<std::size_t>(i)]; };
  for (int i = 0; i < count;) {
    if (step(i).sign == ' ') {
      ++i;
      continue;
    }
    int end = i, last = i;  // the hunk goes on while changes are less than two margins apart
    while (end < count && end - last <= 2 * kAround) {
      if (step(end).sign != ' ') last = end;
      ++end;
    }
    const int from = std::max(0, i - kAround), to = std::min(count, last + kAround + 1);
    int removed = 0, added = 0;
    std::vector<std::string> lines;
    for (int j = from; j < to; ++j) {
      const bool is_new = step(j).sign == '+';
      removed += is_new ? 0 : 1;
      added += step(j).sign == '-' ? 0 : 1;
      const auto& shown = is_new ? shown_b : shown_a;
      const auto index = static_cast<std::size_t>(is_new ? step(j).after : step(j).before);
      std::string_view line = index < shown.size() ? shown[index] : std::string_view();
      while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
      lines.push_back(step(j).sign + std::string(line));
    }
    out.push_back(fmt::format("@@ -{},{} +{},{} @@", step(from).before + (removed > 0 ? 1 : 0), removed,
                              step(from).after + (added > 0 ? 1 : 0), added));
    out.insert(out.end(), lines.begin(), lines.end());
    i = to;
  }
  return out;
}

}  // namespace rtt::text
