#include "exformer/cli/graph_boxes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "exformer/base/strings.h"
#include "exformer/cli/graph_groups.h"
#include "exformer/ir/text.h"

namespace exformer::cli {
namespace {

/// "aten::mul.Tensor" -> "mul"
std::string short_name(const std::string& op) {
  const size_t begin = op.find("::") == std::string::npos ? 0 : op.find("::") + 2;
  return op.substr(begin, op.find('.', begin) - begin);
}

std::string scaled(int64_t count) {
  if (count >= 1'000'000'000) return fmt::format("{:.2f} G", static_cast<double>(count) / 1e9);
  if (count >= 1'000'000) return fmt::format("{:.1f} M", static_cast<double>(count) / 1e6);
  if (count >= 10'000) return fmt::format("{:.0f} k", static_cast<double>(count) / 1e3);
  return fmt::format("{}", count);
}

std::string type_of(const Value& value) {
  return value.kind == ValueKind::Tensor ? to_text(contiguous_meta(value.meta.dtype, value.meta.sizes)) : "a number";
}

class BoxMaker {
 public:
  explicit BoxMaker(const ExportedProgram& program) : program_(program), grouping_(group_nodes(*program.graph)) {
    for (const Group& group : grouping_.groups) add_module(group);
  }

  BoxGraph run() {
    for (const InputSpec& input : program_.inputs) {
      if (input.kind == InputSpec::Kind::UserInput) add_input(input);
      if (input.kind == InputSpec::Kind::Parameter) count_parameter(*input.value);
    }
    for (const auto& node : program_.graph->nodes()) {
      for (const Value* value : node->outputs()) connect(grouping_.group_of.at(node.get()), *value);
    }
    for (size_t i = 0; i < program_.outputs.size(); ++i) add_output(i);
    finish();
    return std::move(result_);
  }

 private:
  void add_module(const Group& group) {
    std::map<std::string, size_t> counts;
    for (const Node* node : group.nodes) ++counts[short_name(node->op())];
    std::vector<std::pair<std::string, size_t>> sorted(counts.begin(), counts.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    std::vector<std::string> names;
    for (size_t i = 0; i < sorted.size() && i < 5; ++i) {
      names.push_back(sorted[i].second == 1 ? sorted[i].first
                                            : fmt::format("{} {}", sorted[i].second, sorted[i].first));
    }
    if (sorted.size() > 5) names.emplace_back("...");
    Box box{.title = group.path.empty() ? short_name(group.nodes.front()->op()) : group.path};
    if (group.layers > 1)
      box.title +=
          fmt::format(" to {} ({} layers alike)", group.last_path.substr(group.last_path.rfind('.') + 1), group.layers);
    if (!group.path.empty())
      box.lines.push_back(
          fmt::format("{} op{}: {}", group.nodes.size(), group.nodes.size() == 1 ? "" : "s", join(names, ", ")));
    result_.boxes.push_back(std::move(box));
    parameters_.push_back(0);
  }

  /// Groups that read a value, each once, in the order of the graph.
  std::vector<size_t> reader_groups(const Value& value) const {
    std::set<size_t> groups;
    for (const Node* user : value.users()) groups.insert(grouping_.group_of.at(user));
    return {groups.begin(), groups.end()};
  }

  void count_parameter(const Value& value) {
    int64_t count = 1;
    for (const SymInt& size : value.meta.sizes) count *= size.constant().value_or(1);
    for (const size_t group : reader_groups(value)) parameters_[group] += count;
  }

  void add_input(const InputSpec& input) {
    if (input.target.find('.') != std::string::npos) {  // a leaf of a cache: there are many of them
      for (const size_t group : reader_groups(*input.value)) leaves_in_[group].push_back(input.target);
      return;
    }
    result_.boxes.push_back({.kind = Box::Kind::Input, .title = input.target, .lines = {type_of(*input.value)}});
    if (input.value->users().empty()) result_.boxes.back().lines.emplace_back("no op reads it");
    box_of_input_[input.value] = result_.boxes.size() - 1;
    connect(result_.boxes.size() - 1, *input.value);
  }

  void add_output(size_t index) {
    const auto* value = program_.graph->outputs()[index].get_if<Value*>();
    if (!value) return;
    const Node* producer = (*value)->producer();
    const std::string& name = program_.outputs[index].target;
    if (name.find('.') != std::string::npos && producer) {
      leaves_out_[grouping_.group_of.at(producer)].push_back(name);
      return;
    }
    result_.boxes.push_back({.kind = Box::Kind::Output, .title = name, .lines = {type_of(**value)}});
    const size_t to = result_.boxes.size() - 1;
    if (producer) {
      add_edge(grouping_.group_of.at(producer), to, **value);
    } else if (const auto input = box_of_input_.find(*value); input != box_of_input_.end()) {
      add_edge(input->second, to, **value);
    }
  }

  /// Lines to the boxes that read a value; a value with many readers gets one line and is named in the others.
  void connect(size_t from, const Value& value) {
    std::vector<size_t> groups = reader_groups(value);
    groups.erase(std::remove(groups.begin(), groups.end(), from), groups.end());
    for (size_t i = 0; i < groups.size(); ++i) {
      if (i == 0 || groups.size() <= kMostLines) {
        add_edge(from, groups[i], value);
      } else {
        mentions_[groups[i]].insert(from);
      }
    }
  }

  void add_edge(size_t from, size_t to, const Value& value) {
    Flow& flow = flows_[{from, to}];
    if (flow.values++ == 0) flow.label = type_of(value);
  }

  void finish() {
    for (size_t group = 0; group < grouping_.groups.size(); ++group) {
      std::vector<std::string>& lines = result_.boxes[group].lines;
      if (parameters_[group] > 0) lines.push_back(scaled(parameters_[group]) + " parameters");
      for (const size_t from : mentions_[group]) {
        if (!flows_.contains({from, group})) lines.push_back("reads " + result_.boxes[from].title);
      }
      add_leaves(lines, "reads", leaves_in_[group]);
      add_leaves(lines, "gives", leaves_out_[group]);
    }
    for (const auto& [ends, flow] : flows_) {
      const std::string more = flow.values > 1 ? fmt::format(" + {} more", flow.values - 1) : "";
      result_.edges.push_back({ends.first, ends.second, flow.label + more});
    }
  }

  static void add_leaves(std::vector<std::string>& lines, const char* verb, const std::vector<std::string>& leaves) {
    constexpr size_t kMost = 4;
    for (size_t i = 0; i < leaves.size() && i < kMost; ++i) lines.push_back(fmt::format("{} {}", verb, leaves[i]));
    if (leaves.size() > kMost) lines.push_back(fmt::format("{} {} more leaves", verb, leaves.size() - kMost));
  }

  struct Flow {
    size_t values = 0;
    std::string label;
  };
  const ExportedProgram& program_;
  Grouping grouping_;
  BoxGraph result_;
  std::vector<int64_t> parameters_;  // by group; boxes of groups come first
  std::map<std::pair<size_t, size_t>, Flow> flows_;
  std::map<size_t, std::set<size_t>> mentions_;
  std::map<size_t, std::vector<std::string>> leaves_in_, leaves_out_;
  std::map<const Value*, size_t> box_of_input_;
};

}  // namespace

BoxGraph make_boxes(const ExportedProgram& program) { return BoxMaker(program).run(); }

}  // namespace exformer::cli
