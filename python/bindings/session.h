// One trace: the graph that Python's tensor calls go into, what is known about its inputs, and the program it becomes.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "convert.h"
#include "exformer/checkpoint/safetensors.h"
#include "exformer/exporters/exporter.h"
#include "exformer/ir/program.h"
#include "exformer/trace/tracer.h"
#include "overloads.h"

namespace exformer::python {

/// A parameter or buffer of the model at the end: its name and the tensor that is its graph input.
struct NamedState {
  std::string name;
  Tensor tensor;
  bool is_parameter = true;
  bool persistent = true;
};

/// What the trace is to become.
struct FinishRequest {
  std::vector<NamedState> state;
  std::vector<TensorArgument> outputs;  // leaves: tensors, numbers, None
  std::string in_spec, out_spec;        // treespec_dumps
  std::filesystem::path scratch;        // an existing directory for large weights that have to be put together
  bool allow_missing = false;           // state without data becomes zeros
};

/// Ops that hand their input's values on, in another dtype perhaps.
bool passes_values_on(const Node& node);
/// Memory that a call writes all of: what was there does not matter.
bool is_overwritten(const Node& node, const Value& input);

class Session {
 public:
  explicit Session(PythonTypes types);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const PythonTypes& types() const { return types_; }
  std::vector<std::string> op_names() const { return overloads_.names(); }
  const Overloads& overloads() const { return overloads_; }

  /// Calls the overload that fits. A comparison of sizes that the shape rule needs and the bounds leave open is decided
  /// by the sample's sizes and recorded (see assumptions()).
  std::vector<Tensor> call(const std::string& name, const CallArguments& arguments, const Op*& op);

  Tensor constant(HostTensor data);
  /// A graph input of the caller's, with what the sample call has there.
  Tensor user_input(const std::string& path, std::vector<SymInt> sizes, HostTensor sample);
  /// Forgets the user inputs of an earlier round, and what it asserted.
  void clear_user_inputs();
  /// A tensor of a checkpoint file, mapped.
  Tensor checkpoint_tensor(const std::shared_ptr<const SafetensorsFile>& file, const std::string& name);
  /// Whether two tensors are equal, where both are tensors of a file and their bytes tell; nothing otherwise.
  std::optional<bool> compare_stored(const Tensor& a, const Tensor& b) const;
  /// A graph input that stands for the value of a parameter or buffer, which keeps its way of being computed.
  Tensor lift(const Tensor& tensor);

  /// The value if it depends on no input of the caller's and is not random.
  std::optional<HostTensor> evaluate(const Tensor& tensor) { return evaluate(tensor.value(), Given::Constants); }
  /// The only element of an integer or bool tensor: its constant, what sizes make it, else a new symbol that the run
  /// defines and whose hint is the element in the sample call.
  SymInt item(const Tensor& tensor);
  /// States that a number is at least one in every run.
  void check(const SymInt& condition, const std::string& message) { tracer_.check(condition, message); }
  /// What the trace asserts of the inputs' contents: the conditions that decided branches as in the sample.
  std::vector<std::string> data_assertions();
  /// A value that depends on no input as a constant of known sizes.
  Tensor known(const Tensor& tensor);
  /// How many nodes there are, and whether one behind the first `count` has this size in its arguments or results.
  size_t node_count() const { return program_.graph->node_count(); }
  bool is_used_behind(size_t count, const SymInt& size) const;
  /// Whether data define some part of a size.
  bool depends_on_data(const SymInt& value);
  /// The same for numbers that were read from a tensor, which unlike counts may be anything.
  bool reads_data(const SymInt& value);

  SymInt symbol(const Symbol& symbol) { return symbols().symbol(symbol); }
  /// The size in the sample call.
  std::optional<int64_t> hint(const SymInt& value);
  /// Takes two sizes for equal from now on. False when no symbol can be isolated: the next round has to fix them. Where
  /// data define one of them every run checks it.
  bool assume_equal(const SymInt& left, const SymInt& right, const std::string& reason);
  void assume_value(const std::string& symbol, const SymInt& value, const std::string& reason);
  struct Assumption {
    std::string symbol;
    SymInt value;
    std::string reason;
  };
  const std::vector<Assumption>& assumptions() const { return assumptions_; }
  /// `smaller <= larger`, which the next round has to know from the bounds of its symbols.
  struct Bound {
    SymInt smaller, larger;
    std::string reason;
  };
  const std::vector<Bound>& bounds() const { return bounds_; }
  /// A size that the next round has to know to be 0.
  struct Remainder {
    SymInt size;
    std::string reason;
  };
  const std::vector<Remainder>& remainders() const { return remainders_; }
  SymContext& symbols() { return tracer_.symbols(); }

  /// The path of the module whose forward runs.
  void enter_module(const std::string& path) {
    scopes_.push_back(std::make_unique<Tracer::ModuleScope>(tracer_, path));
  }
  void leave_module() { scopes_.pop_back(); }
  const std::string& module_path() const { return tracer_.module_path(); }
  /// The same as a reason gives it: the model itself has no path.
  std::string place() const;

  /// Makes the program; the session is used up then.
  ExportedProgram finish(const FinishRequest& request);

 private:
  /// What an evaluation may read: constants and weights, or the sample call's inputs too.
  enum class Given { Constants, Sample };
  using Evaluated = std::unordered_map<const Value*, std::optional<HostTensor>>;
  std::optional<HostTensor> evaluate(Value* value, Given given);
  std::optional<HostTensor> evaluate_node(const Node& node, size_t output, Given given);
  Evaluated& evaluated(Given given) { return given == Given::Constants ? evaluated_ : sampled_; }
  /// The sample call's value of a symbol that data define.
  std::optional<int64_t> data_hint(const std::string& symbol);
  /// Solves for a symbol that data define. Nothing when there is none that can be isolated.
  bool assume_data_equal(const SymInt& left, const SymInt& right, const std::string& reason);
  /// The data that a value passes on, as it is stored; null when it is computed.
  const HostTensor* stored(const Value* value) const;
  /// What an input's weight is, streamed where it can be; nothing when it is not known.
  std::optional<LazyTensor> lazy_value(Value* value);
  /// The value put together in a mapped file; nothing when it is not known.
  std::optional<LazyTensor> assembled(Value* value);
  /// Writes the value into a window of such a file.
  bool place(Value* value, HostTensor target);
  bool decide_open_equality();
  void expect_whole(const std::vector<SymInt>& remainders, const std::string& reason);
  TensorArgument read_number(const Tensor& tensor);
  Tensor number_tensor(const TensorArgument& number);
  void add_state(const FinishRequest& request);
  void add_constants();
  void add_outputs(const FinishRequest& request);

  PythonTypes types_;
  ExportedProgram program_;
  Tracer tracer_;
  Overloads overloads_;
  std::vector<std::unique_ptr<Tracer::ModuleScope>> scopes_;
  std::vector<std::pair<std::string, Value*>> user_inputs_;
  std::unordered_map<const Value*, HostTensor> data_;     // constants and checkpoint tensors
  std::vector<Value*> constants_;                         // in order
  std::unordered_map<const Value*, Value*> origins_;      // lifted inputs: the value they stand for
  std::unordered_map<const Value*, HostTensor> samples_;  // of user inputs
  Evaluated evaluated_, sampled_;
  std::unordered_map<std::string, std::optional<int64_t>> data_hints_;
  std::vector<Assumption> assumptions_;
  std::vector<Bound> bounds_;
  std::vector<Remainder> remainders_;
  std::set<std::string> offered_;  // equalities that the next round was asked to know
  std::filesystem::path scratch_;
};

}  // namespace exformer::python
