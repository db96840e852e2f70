// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/launch.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>

#include "os/file.h"

namespace rtt::mcp {
namespace {

using Environment = std::vector<std::pair<std::string, std::string>>;

constexpr std::array<std::string_view, 27> kPassedOn{
    "HOME",       "HTTPS_PROXY", "HTTP_PROXY",   "LANG",           "LC_ALL",        "LC_CTYPE",
    "LOGNAME",    "NODE_PATH",   "NO_PROXY",     "NVM_DIR",        "PATH",          "PYENV_ROOT",
    "PYTHONPATH", "SHELL",       "SSL_CERT_DIR", "SSL_CERT_FILE",  "TERM",          "TMPDIR",
    "TZ",         "USER",        "VIRTUAL_ENV",  "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
    "http_proxy", "https_proxy", "no_proxy",
};
constexpr std::size_t kSecretBytesMin = 6;
constexpr std::size_t kVariableBytesMin = 8;  // of one named by ${VAR}: it is a secret less often

bool is_passed_on(std::string_view name) { return std::ranges::find(kPassedOn, name) != kPassedOn.end(); }

void set_variable(Environment& environment, const std::string& name, std::string value) {
  const auto at =
      std::find_if(environment.begin(), environment.end(), [&](const auto& v) { return v.first == name; });
  if (at != environment.end()) {
    at->second = std::move(value);
  } else {
    environment.emplace_back(name, std::move(value));
  }
}

// Values of a server's configuration on this machine. What of them came from the secret store or from a
// variable that programs do not get anyway is kept apart.
class Resolver {
 public:
  Resolver(const registry::Workspace& workspace, const SecretValues& fresh, const Surroundings* client)
      : bases_(path_bases(workspace)),
        store_(workspace.user_dir, fresh),
        known_(client != nullptr ? client->environment : os::own_environment()) {
    set_variable(known_, "workspace", bases_.workspace);
    set_variable(known_, "home", bases_.home);
  }
  Result<std::string> operator()(const text::Json& value) {
    RTT_TRY_SET(registry::Resolved resolved, store_.resolve_apart(value, known_));
    for (auto& [variable, text] : resolved.taken) {
      const bool own = variable == "workspace" || variable == "home" || is_passed_on(variable);
      if (!own && text.size() >= (variable.empty() ? kSecretBytesMin : kVariableBytesMin))
        secrets_.push_back(std::move(text));
    }
    return std::move(resolved.text);
  }
  // A folder or program: what names it stays readable in a log.
  Result<std::string> place(const text::Json& value) { return store_.resolve(value, known_); }
  // The longest first: one may hold another.
  std::vector<std::string> take_secrets() {
    std::ranges::stable_sort(secrets_, std::greater{}, &std::string::size);
    return std::move(secrets_);
  }
  void also(std::string secret) { secrets_.push_back(std::move(secret)); }
  [[nodiscard]] const PathBases& bases() const { return bases_; }
  [[nodiscard]] const Environment& known() const { return known_; }

 private:
  std::vector<std::string> secrets_;
  PathBases bases_;
  registry::SecretStore store_;
  Environment known_;
};

Result<os::Sandbox> sandbox_of(const ServerConfig& config, Resolver& resolve, const std::string& directory) {
  os::Sandbox sandbox;
  if (config.sandbox.find("network")) sandbox.network = os::Sandbox::Network::kNone;
  for (auto [key, list] : {std::pair{"read", &sandbox.read}, std::pair{"write", &sandbox.write}}) {
    const text::Json* const paths = config.sandbox.find(key);
    if (paths == nullptr) continue;
    for (const text::Json& path : paths->as_array()) {
      RTT_TRY_SET(std::string place, resolve.place(path));
      list->push_back(place.starts_with('/') ? std::move(place) : directory + "/" + place);
    }
  }
  return sandbox;
}

// The kernel ends a text at its first zero byte: the program would be started with less than was accepted.
Status refuse_cut(const std::string& server, const os::SpawnOptions& options) {
  const auto cut = [](const std::string& text) { return text.contains('\0'); };
  const auto arg = std::ranges::find_if(options.argv, cut);
  const auto variable = std::ranges::find_if(options.env, cut, &std::pair<std::string, std::string>::second);
  std::string what;
  if (arg == options.argv.begin()) {
    what = "its command";
  } else if (arg != options.argv.end()) {
    what = "argument " + std::to_string(arg - options.argv.begin());
  } else if (variable != options.env.end()) {
    what = "`" + variable->first + "` of its environment";
  } else if (cut(options.directory)) {
    what = "its folder";
  } else {
    return {};
  }
  return fail(Code::kBadShape,
              "server '" + server + "' cannot be started: " + what + " holds a zero byte (\\u0000)", {},
              "take it out of the server's entry");
}

// Whether it, or a part of it after `=`, `:` or `,`, names something that is found from this folder alone.
bool names_file_of(const std::string& folder, std::string_view argument) {
  for (std::size_t start = 0; start <= argument.size();) {
    const std::size_t end = std::min(argument.find_first_of("=:,", start), argument.size());
    const std::string_view part = argument.substr(start, end - start);
    if (!part.empty() && part.front() != '/' && os::exists(folder + "/" + std::string(part))) return true;
    start = end + 1;
  }
  return false;
}

// Whether Node looks for packages in this folder, or in one between it and the root.
bool has_packages(const std::string& root, std::string folder) {
  for (; folder.size() > root.size(); folder.resize(folder.rfind('/'))) {
    if (os::exists(folder + "/package.json") || os::exists(folder + "/node_modules")) return true;
  }
  return false;
}

bool has_relative_folder(const std::string& path) {
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    if (end == start || path[start] != '/') return true;
    start = end + 1;
  }
  return false;
}

// Where a server starts whose entry names no folder. What it runs there is what it runs in the root, where it
// was accepted: relative arguments, the package of npx and relative folders of PATH may be other code.
std::string own_folder(const Surroundings* client, const std::string& root, const os::SpawnOptions& options) {
  if (client == nullptr || !client->directory.starts_with(root + "/")) return root;
  const std::string& program = options.argv.front();
  if (program == "npx" || program.ends_with("/npx")) {
    if (has_packages(root, client->directory)) return root;
  }
  for (const auto& [name, value] : options.env) {
    if (name == "PATH" && has_relative_folder(value)) return root;
  }
  const auto is_bound = [&](const std::string& argument) { return names_file_of(root, argument); };
  if (std::any_of(options.argv.begin() + 1, options.argv.end(), is_bound)) return root;
  return os::is_directory(client->directory) ? client->directory : root;
}

}  // namespace

PathBases path_bases(const registry::Workspace& workspace) {
  return {.workspace = workspace.root, .home = os::home_directory()};
}

Result<Launch> resolve_launch(const ServerConfig& config, const registry::Workspace& workspace,
                              const SecretValues& fresh, const Surroundings* client) {
  Resolver resolve(workspace, fresh, client);
  Launch launch;
  os::SpawnOptions& options = launch.options;
  options.directory = resolve.bases().workspace;
  if (!config.directory.empty()) {
    RTT_TRY_SET(const std::string given, resolve.place(text::Json(config.directory)));
    options.directory = given;
    if (!given.starts_with('/')) options.directory = resolve.bases().workspace + "/" + given;
  }
  RTT_TRY_SET(std::string command, resolve.place(config.command));
  if (command.find('/') != std::string::npos && !command.starts_with('/'))
    command = options.directory + "/" + command;
  options.argv.push_back(std::move(command));
  for (const text::Json& arg : config.args.as_array()) {
    RTT_TRY_SET(std::string value, resolve(arg));
    options.argv.push_back(std::move(value));
  }
  RTT_TRY_SET(options.sandbox, sandbox_of(config, resolve, options.directory));
  for (const auto& [name, value] : resolve.known()) {
    if (is_passed_on(name)) options.env.emplace_back(name, value);
  }
  for (const auto& [name, value] : config.env.as_object()) {
    RTT_TRY_SET(std::string text, resolve(value));
    set_variable(options.env, name, std::move(text));
  }
  RTT_TRY(refuse_cut(config.name, options));
  launch.base = options.directory;
  if (config.directory.empty()) options.directory = own_folder(client, launch.base, options);
  launch.secrets = resolve.take_secrets();
  return launch;
}

namespace {

// A header that could break out of its line would be several.
Status check_header(const ServerConfig& config, std::string_view name, std::string_view value) {
  const auto is_name_byte = [](char c) {
    return c > ' ' && c < '\x7f' && std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
  };
  const auto is_value_byte = [](char c) { return c == '\t' || (c >= ' ' && c != '\x7f') || c < 0; };
  if (!name.empty() && std::ranges::all_of(name, is_name_byte) && std::ranges::all_of(value, is_value_byte))
    return {};
  return fail(Code::kBadShape, "server '" + config.name + "' has a header that HTTP cannot carry: '" +
                                   std::string(name.substr(0, 64)) + "'");
}

}  // namespace

Result<Endpoint> resolve_endpoint(const ServerConfig& config, const registry::Workspace& workspace,
                                  const SecretValues& fresh, const Surroundings* client) {
  Resolver resolve(workspace, fresh, client);
  Endpoint endpoint;
  RTT_TRY_SET(const std::string url, resolve(config.url));
  RTT_TRY_SET(endpoint.url, web::parse_url(url));
  if (endpoint.url.scheme == "http" && !web::is_loopback(endpoint.url.host) && !config.plain_http) {
    return fail(Code::kPermission,
                "it is reached by http:// on another machine, where everybody on the way reads along", {},
                "use https://, or import it with --plain-http if that network is yours");
  }
  for (const auto& [name, value] : config.headers.as_object()) {
    RTT_TRY_SET(std::string text, resolve(value));
    RTT_TRY(check_header(config, name, text));
    // A token stands behind its scheme; alone it is as secret.
    const std::size_t blank = text.rfind(' ');
    if (!value.is_string() && blank != std::string::npos && text.size() - blank > kSecretBytesMin)
      resolve.also(text.substr(blank + 1));
    endpoint.headers.emplace_back(name, std::move(text));
  }
  if (!config.ca_file.empty()) {
    RTT_TRY_SET(endpoint.ca_file, resolve.place(text::Json(config.ca_file)));
    if (!endpoint.ca_file.starts_with('/'))
      endpoint.ca_file = resolve.bases().workspace + "/" + endpoint.ca_file;
  }
  endpoint.secrets = resolve.take_secrets();
  return endpoint;
}

std::string without_secrets(std::string text, const std::vector<std::string>& secrets) {
  constexpr std::string_view kStruck = "{secret}";
  for (const std::string& secret : secrets) {
    if (secret.size() < kSecretBytesMin) continue;  // an empty one would be found everywhere, for ever
    for (std::size_t at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + kStruck.size())) {
      text.replace(at, secret.size(), kStruck);
    }
  }
  return text;
}

}  // namespace rtt::mcp
