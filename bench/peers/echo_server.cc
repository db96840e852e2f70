// SPDX-License-Identifier: Apache-2.0
// An MCP server that does as little as one can, so that what stands before it dominates a measurement: tools
// echo0…echoN that answer with their text. `bench_echo_server [TOOLS [MS]]`: it needs MS milliseconds to
// start. Three texts make it a bad server: `!hang` and it answers nothing any more, `!exit` and it ends,
// `!slow` and it takes 50 ms. It reads only what it needs of each line and trusts its client; it is no
// example of a server.
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace {

// The raw JSON text of the first member `key`, where values are flat.
std::string_view member(std::string_view line, std::string_view key) {
  const std::string quoted = "\"" + std::string(key) + "\"";
  std::size_t at = line.find(quoted);
  if (at == std::string_view::npos) return {};
  at = line.find_first_not_of(" :", at + quoted.size());
  std::size_t end = at;
  if (line[at] == '"') {
    end = at + 1;
    while (line[end] != '"') end += line[end] == '\\' ? 2 : 1;
    ++end;
  } else {
    end = line.find_first_of(",}", at);
  }
  return line.substr(at, end - at);
}

std::string answer(std::string_view line, int tools) {
  const std::string_view id = member(line, "id");
  const std::string_view method = member(line, "method");
  if (id.empty()) return {};
  std::string out = R"({"jsonrpc":"2.0","id":)" + std::string(id);
  if (method == "\"tools/call\"") {
    const std::string_view text = member(line, "text");
    if (text == "\"!hang\"") ::pause();
    if (text == "\"!exit\"") ::_exit(1);
    if (text == "\"!slow\"") ::poll(nullptr, 0, 50);
    out += R"(,"result":{"content":[{"type":"text","text":)" + std::string(text.empty() ? "\"\"" : text) +
           "}]}}\n";
  } else if (method == "\"initialize\"") {
    const std::string_view version = member(line, "protocolVersion");  // some clients know an older one only
    out += R"(,"result":{"protocolVersion":)" + std::string(version) +
           R"(,"capabilities":{"tools":{}},"serverInfo":{"name":"echo","version":"1.0.0"}}})"
           "\n";
  } else if (method == "\"tools/list\"") {
    out += R"(,"result":{"tools":[)";
    for (int i = 0; i < tools; ++i) {
      out +=
          (i == 0 ? "" : ",") + (R"({"name":"echo)" + std::to_string(i)) +
          R"(","description":"answers with its text","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}})";
    }
    out += "]}}\n";
  } else {
    out += ",\"result\":{}}\n";
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const int tools = argc > 1 ? std::atoi(argv[1]) : 1;
  if (argc > 2) ::poll(nullptr, 0, std::atoi(argv[2]));
  std::string buffer, out;
  char chunk[1 << 16];
  for (;;) {
    const ssize_t got = ::read(0, chunk, sizeof chunk);
    if (got <= 0) return 0;
    buffer.append(chunk, static_cast<std::size_t>(got));
    std::size_t start = 0;
    out.clear();
    for (std::size_t end; (end = buffer.find('\n', start)) != std::string::npos; start = end + 1) {
      out += answer(std::string_view(buffer).substr(start, end - start), tools);
    }
    buffer.erase(0, start);
    for (std::size_t at = 0; at < out.size();) {
      const ssize_t put = ::write(1, out.data() + at, out.size() - at);
      if (put <= 0) return 1;
      at += static_cast<std::size_t>(put);
    }
  }
}
