// gogrid completion
#include "cli/completion.hpp"

#include <spdlog/fmt/fmt.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/help.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

struct OptionInfo {
  std::string short_name;  // "m"; may be empty
  std::string long_name;   // "model"; may be empty
  std::string help;
  bool takes_value = false;
  // "chat embedding rerank"; empty when anything may be typed.
  std::string values;
};

struct Node {
  std::string path;  // "gogrid model add"
  std::string name;
  std::string help;
  std::vector<OptionInfo> options;
  // Of its first argument, as OptionInfo::values.
  std::string values;
  // Indices of the commands below.
  std::vector<std::size_t> children;
};

// What an option or argument shown as "chat|embedding|rerank" takes.
std::string values_of(const CLI::Option& option) {
  std::string values = option.get_type_name();
  if (values.find('|') == std::string::npos) return "";
  std::replace(values.begin(), values.end(), '|', ' ');
  return values;
}

std::vector<OptionInfo> options_of(const CLI::App& app) {
  std::vector<OptionInfo> options;
  for (const CLI::Option* option : app.get_options([](const CLI::Option* it) { return it->nonpositional(); })) {
    OptionInfo info;
    if (!option->get_snames().empty()) info.short_name = option->get_snames().front();
    if (!option->get_lnames().empty()) info.long_name = option->get_lnames().front();
    info.help = option->get_description();
    info.takes_value = option->get_items_expected_max() > 0;
    info.values = values_of(*option);
    options.push_back(std::move(info));
  }
  return options;
}

std::string argument_values(const CLI::App& app) {
  const auto arguments = app.get_options([](const CLI::Option* it) { return it->get_positional(); });
  return arguments.empty() ? "" : values_of(*arguments.front());
}

// The tree as a list, parents first. A command's other name is a command of its own.
void collect(const CLI::App& app, const std::string& path, const std::string& name, std::vector<Node>& nodes,
             std::vector<std::size_t>* siblings) {
  const std::size_t index = nodes.size();
  if (siblings) siblings->push_back(index);
  nodes.push_back({path + name, name, app.get_description(), options_of(app), argument_values(app), {}});
  std::vector<std::size_t> children;
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    collect(*child, path + name + " ", child->get_name(), nodes, &children);
    for (const std::string& alias : child->get_aliases())
      collect(*child, path + name + " ", alias, nodes, &children);
  }
  nodes[index].children = std::move(children);
}

std::vector<Node> collect(const CLI::App& root) {
  std::vector<Node> nodes;
  collect(root, "", root.get_name(), nodes, nullptr);
  return nodes;
}

// Every option as it is typed, "--model" and "-m".
std::vector<std::pair<std::string, std::string>> spellings(const Node& node) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const OptionInfo& option : node.options) {
    if (!option.long_name.empty()) all.emplace_back("--" + option.long_name, option.help);
    if (!option.short_name.empty()) all.emplace_back("-" + option.short_name, option.help);
  }
  return all;
}

// The words a command can be followed by: commands, or the values of its argument.
std::string next_words(const Node& node, const std::vector<Node>& nodes) {
  std::string words = node.values;
  for (const std::size_t child : node.children)
    words += (words.empty() ? "" : " ") + nodes[child].name;
  return words;
}

// Calls with ("'gogrid model add --kind'", "chat embedding rerank") for every option that has a list of values.
template <class Call>
void for_each_value_list(const std::vector<Node>& nodes, Call call) {
  for (const Node& node : nodes) {
    for (const OptionInfo& option : node.options) {
      if (!option.values.empty()) call("'" + node.path + " --" + option.long_name + "'", option.values);
    }
  }
}

std::string quoted(std::string_view text, std::string_view quote_escape) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string(quote_escape) : std::string(1, c);
  return out + "'";
}

// For bash and zsh.
std::string shell_quoted(std::string_view text) { return quoted(text, "'\\''"); }

std::string fish_quoted(const std::string& text) {
  std::string escaped;
  for (const char c : text)
    escaped += c == '\\' ? "\\\\" : std::string(1, c);
  return quoted(escaped, "\\'");
}

// "'gogrid chat' | 'gogrid model' | …": all but the root.
std::string path_patterns(const std::vector<Node>& nodes, std::string_view separator) {
  std::string out;
  for (std::size_t i = 1; i < nodes.size(); ++i)
    out += (i == 1 ? "" : std::string(separator)) + "'" + nodes[i].path + "'";
  return out;
}

class Completion final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    root_ = &parent;
    CLI::App* app = parent.add_subcommand("completion", "Print a script that completes commands in your shell");
    app->add_option("shell", shell_, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
        ->type_name("bash|zsh|fish");
    app->footer(
        "Examples:\n  source <(gogrid completion bash)                                           # now; or in "
        "~/.bashrc\n"
        "  gogrid completion zsh > \"${fpath[1]}/_gogrid\"\n  gogrid completion fish > "
        "~/.config/fish/completions/gogrid.fish");
    return app;
  }

  bool has_common_options() const override { return false; }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto script = shell_ == "bash" ? bash_completion : shell_ == "zsh" ? zsh_completion : fish_completion;
    context.terminal().out(script(*root_));
    co_return Result<void>();
  }

 private:
  const CLI::App* root_ = nullptr;
  std::string shell_;
};

}  // namespace

std::string bash_completion(const CLI::App& root) {
  const std::vector<Node> nodes = collect(root);
  std::string out = "# bash completion for gogrid; source it, or put it into /etc/bash_completion.d\n_gogrid() {\n";
  out += "  local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]} at=gogrid words= options= i\n";
  out += "  for ((i = 1; i < COMP_CWORD; i++)); do\n    case \"$at ${COMP_WORDS[i]}\" in\n";
  out += "      " + path_patterns(nodes, " | ") + ") at=\"$at ${COMP_WORDS[i]}\" ;;\n    esac\n  done\n  case $at in\n";
  for (const Node& node : nodes) {
    std::string options;
    for (const auto& [name, help] : spellings(node))
      options += (options.empty() ? "" : " ") + name;
    out += fmt::format("    '{}') words='{}' options='{}' ;;\n", node.path, next_words(node, nodes), options);
  }
  out += "  esac\n  [[ $current == -* ]] && words=$options\n";
  // "--kind=chat" comes in three words.
  out += "  [[ $current == = ]] && current=\n";
  out += "  [[ $option == = ]] && option=${COMP_WORDS[COMP_CWORD-2]}\n  case \"$at $option\" in\n";
  for_each_value_list(nodes, [&out](const std::string& option, const std::string& values) {
    out += fmt::format("    {}) words='{}' ;;\n", option, values);
  });
  out += "  esac\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n}\n";
  return out + "complete -o bashdefault -o default -F _gogrid gogrid\n";
}

std::string zsh_completion(const CLI::App& root) {
  const std::vector<Node> nodes = collect(root);
  // _describe takes "name:help"; a colon in the help is only text.
  const auto described = [](const std::string& name, const std::string& help) {
    return " " + shell_quoted(name + ":" + help);
  };
  std::string out =
      "#compdef gogrid\n# zsh completion for gogrid; put it into a folder of $fpath as _gogrid\n_gogrid() {\n";
  out +=
      "  local at=gogrid i\n  local -a commands options values\n  for ((i = 2; i < CURRENT; i++)); do\n    case \"$at "
      "$words[i]\" in\n";
  out += "      (" + path_patterns(nodes, "|") + ") at=\"$at $words[i]\" ;;\n    esac\n  done\n  case $at in\n";
  for (const Node& node : nodes) {
    std::string commands;
    for (const std::size_t child : node.children)
      commands += described(nodes[child].name, nodes[child].help);
    std::string options;
    for (const auto& [name, help] : spellings(node))
      options += described(name, help);
    out += fmt::format("    ('{}') commands=({} ) options=({} ) values=({}) ;;\n", node.path, commands, options,
                       node.values);
  }
  out += "  esac\n  case \"$at $words[CURRENT-1]\" in\n";
  for_each_value_list(nodes, [&out](const std::string& option, const std::string& values) {
    out += fmt::format("    ({}) values=({}) commands=() ;;\n", option, values);
  });
  out +=
      "  esac\n  if [[ $words[CURRENT] == -* ]]; then\n    _describe option options\n  elif (( $#values )); then\n"
      "    compadd -a values\n  elif (( $#commands )); then\n";
  out += "    _describe command commands\n  else\n    _files\n  fi\n}\n";
  return out + "if [[ $funcstack[1] == _gogrid ]]; then _gogrid \"$@\"; else compdef _gogrid gogrid; fi\n";
}

std::string fish_completion(const CLI::App& root) {
  const std::vector<Node> nodes = collect(root);
  std::string out =
      "# fish completion for gogrid; put it into ~/.config/fish/completions/gogrid.fish\nfunction __gogrid_at\n";
  out +=
      "    set -l at\n    for word in (commandline -opc)\n        switch \"$at $word\"\n            case ' gogrid'\n";
  out += "                set at gogrid\n            case " + path_patterns(nodes, " ") +
         "\n                set at \"$at $word\"\n";
  out += "        end\n    end\n    test \"$at\" = \"$argv\"\nend\n";
  for (const Node& node : nodes) {
    const std::string prefix = "complete -c gogrid -n '__gogrid_at " + node.path + "'";
    // Files only where there is nothing to choose from.
    if (!node.children.empty() || !node.values.empty()) out += prefix + " -f\n";
    if (!node.values.empty()) out += prefix + " -a " + fish_quoted(node.values) + "\n";
    for (const std::size_t child : node.children) {
      out += fmt::format("{} -a {} -d {}\n", prefix, nodes[child].name, fish_quoted(nodes[child].help));
    }
    for (const OptionInfo& option : node.options) {
      out += prefix;
      if (!option.short_name.empty()) out += " -s " + option.short_name;
      if (!option.long_name.empty()) out += " -l " + option.long_name;
      if (option.takes_value) out += option.values.empty() ? " -r" : " -x -a " + fish_quoted(option.values);
      out += " -d " + fish_quoted(option.help) + "\n";
    }
  }
  return out;
}

CommandPtr make_completion() { return std::make_unique<Completion>(); }

}  // namespace gogrid::cli
