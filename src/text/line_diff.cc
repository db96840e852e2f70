// SPDX-License-Identifier: Apache-2.0
#include "text/line_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

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

using Lines = std::vector<std::string_view>;

std::string_view line(const Lines& in, int i) { return in[static_cast<std::size_t>(i)]; }

// The steps between two lists of lines, by the furthest reaching path for each number of edits (E. Myers, "An
// O(ND) difference algorithm and its variations", 1986).
class Paths {
 public:
  Paths(const Lines& a, const Lines& b, int from, int a_end, int b_end)
      : a_(a),
        b_(b),
        from_(from),
        n_(a_end - from),
        m_(b_end - from),
        limit_(std::min(n_ + m_, kLineDiffEditsMax)) {}

  std::vector<Step> steps() {
    const int edits = find();
    std::vector<Step> out = edits < 0 ? all_replaced() : traced(edits);
    return {out.rbegin(), out.rend()};
  }

 private:
  using Reach = std::vector<int>;  // by diagonal
  int& at(Reach& in, int k) const { return in[static_cast<std::size_t>(k + limit_ + 1)]; }
  bool down(Reach& in, int d, int k) const { return k == -d || (k != d && at(in, k - 1) < at(in, k + 1)); }

  // The number of edits, or -1: more than the limit.
  int find() {
    Reach reach(static_cast<std::size_t>(2 * limit_ + 3), 0);
    for (int d = 0; d <= limit_; ++d) {
      trail_.push_back(reach);
      for (int k = -d; k <= d; k += 2) {
        int x = down(reach, d, k) ? at(reach, k + 1) : at(reach, k - 1) + 1;
        while (x < n_ && x - k < m_ && line(a_, from_ + x) == line(b_, from_ + x - k)) ++x;
        at(reach, k) = x;
        if (x >= n_ && x - k >= m_) return d;
      }
    }
    return -1;
  }

  // Backwards, as traced().
  [[nodiscard]] std::vector<Step> all_replaced() const {
    std::vector<Step> out;
    for (int j = m_; j-- > 0;) out.push_back({'+', n_ + from_, from_ + j});
    for (int i = n_; i-- > 0;) out.push_back({'-', from_ + i, from_});
    return out;
  }

  std::vector<Step> traced(int edits) {
    std::vector<Step> out;
    int x = n_, y = m_;
    for (int d = edits; d > 0; --d) {
      Reach& before = trail_[static_cast<std::size_t>(d)];
      const int k = x - y;
      const int came = down(before, d, k) ? k + 1 : k - 1;
      const int start_x = at(before, came), start_y = start_x - came;
      while (x > start_x && y > start_y && x - start_x + y - start_y > 1)
        out.push_back({' ', from_ + --x, from_ + --y});
      if (x > start_x) {
        out.push_back({'-', from_ + --x, from_ + y});
      } else {
        out.push_back({'+', from_ + x, from_ + --y});
      }
    }
    while (x > 0 && y > 0) out.push_back({' ', from_ + --x, from_ + --y});
    return out;
  }

  const Lines &a_, &b_;
  int from_, n_, m_, limit_;
  std::vector<Reach> trail_;
};

std::vector<Step> all_steps(const Lines& a, const Lines& b) {
  const int n = static_cast<int>(a.size()), m = static_cast<int>(b.size());
  int head = 0, tail = 0;
  while (head < std::min(n, m) && line(a, head) == line(b, head)) ++head;
  while (tail < std::min(n, m) - head && line(a, n - 1 - tail) == line(b, m - 1 - tail)) ++tail;
  std::vector<Step> steps;
  for (int i = 0; i < head; ++i) steps.push_back({' ', i, i});
  for (const Step& step : Paths(a, b, head, n - tail, m - tail).steps()) steps.push_back(step);
  for (int i = 0; i < tail; ++i) steps.push_back({' ', n - tail + i, m - tail + i});
  return steps;
}

// One hunk with its head line.
void add_hunk(std::vector<std::string>& out, std::span<const Step> steps, const Lines& shown_a,
              const Lines& shown_b) {
  int removed = 0, added = 0;
  std::vector<std::string> lines;
  for (const Step& step : steps) {
    const bool is_new = step.sign == '+';
    removed += is_new ? 0 : 1;
    added += step.sign == '-' ? 0 : 1;
    const Lines& shown = is_new ? shown_b : shown_a;
    const auto index = static_cast<std::size_t>(is_new ? step.after : step.before);
    std::string_view text = index < shown.size() ? shown[index] : std::string_view();
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    lines.push_back(step.sign + std::string(text));
  }
  out.push_back(fmt::format("@@ -{},{} +{},{} @@", steps.front().before + (removed > 0 ? 1 : 0), removed,
                            steps.front().after + (added > 0 ? 1 : 0), added));
  out.insert(out.end(), lines.begin(), lines.end());
}

}  // namespace

std::vector<std::string> line_diff(const DiffSides& sides) {
  const Lines a = lines_of(sides.before), b = lines_of(sides.after);
  const Lines shown_a = sides.shown_before.empty() ? a : lines_of(sides.shown_before);
  const Lines shown_b = sides.shown_after.empty() ? b : lines_of(sides.shown_after);
  const std::vector<Step> steps = all_steps(a, b);
  std::vector<std::string> out;
  const int count = static_cast<int>(steps.size());
  const auto same = [&](int i) { return steps[static_cast<std::size_t>(i)].sign == ' '; };
  for (int i = 0; i < count;) {
    if (same(i)) {
      ++i;
      continue;
    }
    int end = i, last = i;  // the hunk goes on while changes are less than two margins apart
    for (; end < count && end - last <= 2 * kAround; ++end) {
      if (!same(end)) last = end;
    }
    const int from = std::max(0, i - kAround), to = std::min(count, last + kAround + 1);
    add_hunk(out,
             std::span(steps).subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)),
             shown_a, shown_b);
    i = to;
  }
  return out;
}

}  // namespace rtt::text
