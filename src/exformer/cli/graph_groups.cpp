#include "exformer/cli/graph_groups.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "exformer/base/strings.h"

namespace exformer::cli {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// The module whose box a node is in.
std::string box_path(const std::string& module_path) {
  const std::vector<std::string> parts = split(module_path, '.');
  const auto number = std::find_if(parts.begin(), parts.end(), is_number);
  const size_t count =
      number != parts.end() ? static_cast<size_t>(number - parts.begin()) + 1 : std::min<size_t>(parts.size(), 2);
  return join({parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(count)}, ".");
}

/// Which group each node is in, in the order of the graph.
class Grouper {
 public:
  explicit Grouper(const Graph& graph) {
    std::map<std::string, size_t> by_path;
    for (const auto& node : graph.nodes()) {
      const std::string path = box_path(node->module_path);
      const auto [found, is_new] = by_path.emplace(path, groups_.size());
      if (path.empty() || is_new) found->second = add_group(path);
      put(*node, found->second);
    }
    split_cycles(graph);
    if (groups_.size() > kFoldAbove) fold_layers();
  }

  Grouping take() { return {std::move(groups_), std::move(group_of_)}; }

 private:
  size_t add_group(const std::string& path) {
    groups_.push_back({.path = path, .last_path = path});
    return groups_.size() - 1;
  }
  void put(const Node& node, size_t group) {
    groups_[group].nodes.push_back(&node);
    group_of_[&node] = group;
  }

  std::vector<std::set<size_t>> readers() const {
    std::vector<std::set<size_t>> result(groups_.size());
    for (const auto& [node, group] : group_of_) {
      for (const Value* value : node->outputs()) {
        for (const Node* user : value->users()) {
          if (group_of_.at(user) != group) result[group].insert(group_of_.at(user));
        }
      }
    }
    return result;
  }

  /// Groups on a cycle, or between two.
  std::vector<bool> entangled() const {
    std::vector<std::set<size_t>> forward = readers();
    std::vector<std::set<size_t>> backward(groups_.size());
    for (size_t from = 0; from < groups_.size(); ++from) {
      for (const size_t to : forward[from]) backward[to].insert(from);
    }
    std::vector<bool> rest(groups_.size(), true);
    for (const std::vector<std::set<size_t>>* next : {&forward, &backward}) {
      std::vector<size_t> waiting(groups_.size(), 0), ready;
      for (const auto& targets : *next) {
        for (const size_t to : targets) ++waiting[to];
      }
      for (size_t i = 0; i < groups_.size(); ++i) {
        if (waiting[i] == 0) ready.push_back(i);
      }
      while (!ready.empty()) {
        const size_t at = ready.back();
        ready.pop_back();
        rest[at] = false;
        for (const size_t to : (*next)[at]) {
          if (--waiting[to] == 0) ready.push_back(to);
        }
      }
    }
    return rest;
  }

  /// A module that runs before and after another one gets a box for each time: runs of nodes never depend on later
  /// runs.
  void split_cycles(const Graph& graph) {
    const std::vector<bool> is_entangled = entangled();
    const std::vector<Group> old_groups = std::move(groups_);
    const auto old_group_of = std::move(group_of_);
    groups_.clear();
    group_of_.clear();
    std::vector<std::optional<size_t>> place(old_groups.size());
    std::optional<size_t> previous;
    for (const auto& node : graph.nodes()) {
      const size_t old = old_group_of.at(node.get());
      if (!place[old] || (is_entangled[old] && previous != old)) place[old] = add_group(old_groups[old].path);
      put(*node, *place[old]);
      previous = old;
    }
  }

  static std::map<std::string, size_t> op_counts(const Group& group) {
    std::map<std::string, size_t> counts;
    for (const Node* node : group.nodes) ++counts[node->op()];
    return counts;
  }

  /// Runs of at least three layers that call the same ops become one group, unless that closes a cycle.
  void fold_layers() {
    const auto stem = [](const std::string& path) { return path.substr(0, path.rfind('.') + 1); };
    const auto is_layer = [](const std::string& path) { return is_number(path.substr(path.rfind('.') + 1)); };
    const std::vector<Group> old_groups = groups_;
    const auto old_group_of = group_of_;
    std::vector<Group> folded;
    for (size_t i = 0; i < old_groups.size();) {
      size_t end = i + 1;
      const auto counts = op_counts(old_groups[i]);
      while (end < old_groups.size() && is_layer(old_groups[i].path) && is_layer(old_groups[end].path) &&
             stem(old_groups[i].path) == stem(old_groups[end].path) && op_counts(old_groups[end]) == counts) {
        ++end;
      }
      if (end - i < 3) end = i + 1;
      Group group = old_groups[i];
      group.last_path = old_groups[end - 1].path;
      group.layers = end - i;
      for (size_t k = i + 1; k < end; ++k)
        group.nodes.insert(group.nodes.end(), old_groups[k].nodes.begin(), old_groups[k].nodes.end());
      folded.push_back(std::move(group));
      i = end;
    }
    groups_ = std::move(folded);
    for (size_t i = 0; i < groups_.size(); ++i) {
      for (const Node* node : groups_[i].nodes) group_of_[node] = i;
    }
    const std::vector<bool> cyclic = entangled();
    if (std::find(cyclic.begin(), cyclic.end(), true) == cyclic.end()) return;
    groups_ = old_groups;
    group_of_ = old_group_of;
  }

  std::vector<Group> groups_;
  std::unordered_map<const Node*, size_t> group_of_;
};

}  // namespace

Grouping group_nodes(const Graph& graph) { return Grouper(graph).take(); }

}  // namespace exformer::cli
