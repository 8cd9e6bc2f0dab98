#include "exformer/backends/pt2/writer.h"

#include <gmock/gmock.h>

#include <fstream>
#include <functional>
#include <stdexcept>

#include "exformer/backends/pt2/graph_writer.h"
#include "exformer/backends/pt2/plain_pytree.h"
#include "exformer/backends/pt2/zip_reader.h"
#include "exformer/base/error.h"
#include "sample_programs.h"
#include "temporary_folder.h"

namespace exformer {
namespace {

using exformer::testing::TemporaryFolder;
using pt2::plain_spec;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Json model_of(const ExportedProgram& program, const Pt2Options& options = {}) {
  return Json::parse(pt2::model_json(program, options));
}

const Json& graph_of(const Json& model) { return model["graph_module"]["graph"]; }

// "name = target" of the nodes that compute sizes.
std::vector<std::string> size_nodes(const Json& model) {
  std::vector<std::string> lines;
  for (const Json& node : graph_of(model)["nodes"]) {
    if (node["outputs"][0].contains("as_sym_int"))
      lines.push_back(node["name"].get<std::string>() + " = " + node["target"].get<std::string>());
  }
  return lines;
}

const Json& node_named(const Json& model, const std::string& name) {
  for (const Json& node : graph_of(model)["nodes"]) {
    if (node["name"] == name) return node;
  }
  throw std::out_of_range(name);
}

std::string message_of(const std::function<void()>& action, ErrorKind kind = ErrorKind::Failed) {
  try {
    action();
  } catch (const ExportError& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "no error";
}

std::string file_text(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(Pt2Writer, ComputesEachSizeOnce) {
  EXPECT_THAT(
      size_nodes(model_of(testing::kitchen_sink())),
      ElementsAre("sym_size_int = torch.ops.aten.sym_size.int", "sym_size_int_1 = torch.ops.aten.sym_size.int",
                  "mul_1 = _operator.mul", "add_3 = _operator.add", "floordiv = _operator.floordiv",
                  "add_4 = _operator.add", "add_5 = _operator.add", "sym_max = torch.sym_max", "mod = _operator.mod"));
}

TEST(Pt2Writer, SolvesForADimThatOnlyOccursInsideAnother) {
  const Json model = model_of(testing::derived_dims());
  EXPECT_THAT(size_nodes(model), ElementsAre("sym_size_int = torch.ops.aten.sym_size.int", "sub = _operator.sub",
                                             "floordiv = _operator.floordiv"));
  EXPECT_EQ(node_named(model, "full")["inputs"][0]["arg"].dump(),
            R"({"as_sym_ints":[{"as_name":"floordiv"},{"as_name":"count"}]})");
  EXPECT_EQ(graph_of(model)["outputs"].dump(),
            R"([{"as_tensor":{"name":"add"}},{"as_sym_int":{"as_name":"floordiv"}}])");
}

TEST(Pt2Writer, LeavesOutDefaultsAsACallWould) {
  const Json model = model_of(testing::kitchen_sink());
  EXPECT_EQ(node_named(model, "linear_1")["inputs"].size(), 2U);
  EXPECT_EQ(node_named(model, "add")["inputs"][2].dump(), R"({"name":"alpha","arg":{"as_int":2},"kind":2})");
  EXPECT_EQ(node_named(model, "add_1")["inputs"].size(), 2U);
  EXPECT_EQ(
      node_named(model, "arange")["inputs"].dump(),
      R"([{"name":"end","arg":{"as_sym_int":{"as_name":"add_3"}},"kind":1},{"name":"dtype","arg":{"as_scalar_type":7},"kind":2}])");
}

TEST(Pt2Writer, WritesListsAndSeveralResults) {
  const Json model = model_of(testing::kitchen_sink());
  EXPECT_EQ(node_named(model, "split_1")["outputs"].dump(),
            R"([{"as_tensors":[{"name":"split"},{"name":"split_out1"}]}])");
  EXPECT_EQ(node_named(model, "index")["inputs"][1]["arg"].dump(),
            R"({"as_optional_tensors":[{"as_none":true},{"as_tensor":{"name":"c_lifted_tensor_0"}}]})");
  EXPECT_EQ(node_named(model, "masked_fill")["inputs"][2]["arg"].dump(), R"({"as_float":"-Infinity"})");
  EXPECT_EQ(graph_of(model)["outputs"][3].dump(), R"({"as_none":true})");
  EXPECT_EQ(graph_of(model)["outputs"][4].dump(), R"({"as_int":3})");
}

TEST(Pt2Writer, RenamesSizesAsTorchWantsThemAndKeepsTheirNames) {
  const Json model = model_of(testing::kitchen_sink());
  EXPECT_EQ(model["range_constraints"].dump(),
            R"({"s0":{"min_val":1,"max_val":32},"s1":{"min_val":1,"max_val":null}})");
  EXPECT_EQ(model["graph_module"]["metadata"]["exformer.symbols"], R"({"s0": "batch", "s1": "seq"})");
  EXPECT_EQ(graph_of(model)["tensor_values"]["x"]["sizes"][0].dump(),
            R"x({"as_expr":{"expr_str":"Symbol('s0', positive=True, integer=True)","hint":{"as_int":6}}})x");
}

TEST(Pt2Writer, GivesNoHintThatTorchWouldTakeForARule) {
  ExportedProgram program = testing::with_cache();  // batch was 2, seq 9; a size 4 is in the graph
  EXPECT_EQ(graph_of(model_of(program))["tensor_values"]["input_ids"]["sizes"][1]["as_expr"]["hint"]["as_int"], 9);
  ExportedProgram single;
  Graph& graph = *single.graph;
  std::vector<SymInt> sizes;
  for (const char* name : {"a", "b", "c"})
    sizes.push_back(graph.symbols().symbol({.name = name, .max = 40, .hint = 1}));
  sizes.emplace_back(2);
  sizes.emplace_back(3);
  Value* x = graph.add_input("x", contiguous_meta(DType::Float32, sizes));
  single.inputs.push_back({InputSpec::Kind::UserInput, x, "x"});
  single.outputs.push_back({});
  graph.set_outputs({x});
  single.in_spec = TreeSpec::tuple({TreeSpec::tuple({}), TreeSpec::dict({"x"}, {TreeSpec::leaf()})});
  std::vector<int64_t> hints;
  const Json model = model_of(single);
  for (const Json& size : graph_of(model)["tensor_values"]["x"]["sizes"]) {
    if (size.contains("as_expr")) hints.push_back(size["as_expr"]["hint"]["as_int"]);
  }
  EXPECT_THAT(hints, ElementsAre(4, 5, 6));
}

TEST(Pt2Writer, WritesTiedWeightsOnce) {
  const TemporaryFolder folder;
  write_pt2(testing::kitchen_sink(), folder / "a.pt2");
  const auto zip = pt2::ZipReader::open(folder / "a.pt2");
  const Json config = Json::parse(zip.text("model/data/weights/model_weights_config.json"))["config"];
  EXPECT_EQ(config["l.weight"]["path_name"], config["t.weight"]["path_name"]);
  EXPECT_EQ(config["l.weight"]["is_param"], true);
  EXPECT_EQ(config["b"]["is_param"], false);
  EXPECT_FALSE(config.contains("nb"));
  EXPECT_FALSE(zip.contains("model/data/weights/weight_3"));
  EXPECT_TRUE(Json::parse(zip.text("model/data/constants/model_constants_config.json"))["config"].contains("nb"));
}

TEST(Pt2Writer, GivesTheSameBytesTwice) {
  const TemporaryFolder folder;
  write_pt2(testing::kitchen_sink(), folder / "a.pt2");
  write_pt2(testing::kitchen_sink(), folder / "b.pt2");
  EXPECT_EQ(file_text(folder / "a.pt2"), file_text(folder / "b.pt2"));
}

TEST(Pt2Writer, NamesValuesSoThatPythonCanBindThem) {
  ExportedProgram program = testing::with_cache();
  Graph& graph = *program.graph;
  graph.rename(graph.inputs()[0], "past.0.keys");
  graph.rename(graph.find_value("mul"), "lambda");
  graph.rename(graph.find_value("add"), "past_0_keys");
  const Json model = model_of(program);
  EXPECT_EQ(graph_of(model)["inputs"][0]["as_tensor"]["name"], "past_0_keys_1");
  EXPECT_TRUE(graph_of(model)["tensor_values"].contains("lambda_1"));
  EXPECT_TRUE(graph_of(model)["tensor_values"].contains("past_0_keys"));
}

TEST(Pt2Writer, KeepsTheModulePath) {
  ExportedProgram program = testing::with_cache();
  program.graph->find_value("mul")->producer()->module_path = "model.layers.0";
  EXPECT_EQ(node_named(model_of(program), "mul")["metadata"]["nn_module_stack"],
            "model.layers.0,model.layers.0,torch.nn.Module");
}

TEST(Pt2Writer, RefusesAProgramWithoutItsWeights) {
  const TemporaryFolder folder;
  ExportedProgram program = testing::kitchen_sink();
  program.state_dict.erase("l.bias");
  EXPECT_THAT(message_of([&] { write_pt2(program, folder / "a.pt2"); }), HasSubstr("no data for 'l.bias'"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.pt2"));
}

TEST(Pt2Writer, RefusesASizeThatNothingDefines) {
  ExportedProgram program = testing::with_cache();
  const SymInt other = program.graph->symbols().symbol({.name = "other"});
  program.graph->set_outputs({program.graph->outputs()[0], program.graph->outputs()[1], other});
  EXPECT_THAT(message_of([&] { model_of(program); }),
              HasSubstr("'other' is used, but no input and no node defines it"));
}

TEST(Pt2Writer, RefusesNumbersThatDataDefine) {
  ExportedProgram program;
  Value* x = program.graph->add_input("x", OutputMeta(ValueKind::SymFloat, 0));
  program.inputs.push_back({InputSpec::Kind::UserInput, x, "x"});
  EXPECT_THAT(message_of([&] { model_of(program); }, ErrorKind::Unsupported),
              HasSubstr("value 'x': a float or bool that data define"));
}

TEST(Pt2Writer, RefusesAMutationOfNoInput) {
  ExportedProgram program = testing::with_cache();
  program.outputs[0] = {OutputSpec::Kind::UserInputMutation, "nothing"};
  EXPECT_THAT(message_of([&] { model_of(program); }), HasSubstr("'nothing' names no input"));
  program.graph->set_outputs({None{}, None{}, None{}});
  EXPECT_THAT(message_of([&] { model_of(program); }), HasSubstr("is no tensor"));
  program.graph->set_outputs({"text", None{}, None{}});
  EXPECT_THAT(message_of([&] { model_of(program); }, ErrorKind::Unsupported),
              HasSubstr("neither a tensor nor a number"));
}

TEST(Pt2Writer, RefusesAnInputTreeThatIsNoCall) {
  ExportedProgram program = testing::with_cache();
  program.in_spec = TreeSpec::leaf();
  EXPECT_THAT(message_of([&] { model_of(program); }), HasSubstr("must be tuple(args, kwargs)"));
}

TEST(PlainSpec, TurnsOutputsAndCachesIntoDicts) {
  EXPECT_EQ(leaf_paths(plain_spec(testing::with_cache().out_spec)), leaf_paths(testing::with_cache().out_spec));
  EXPECT_THAT(treespec_dumps(plain_spec(testing::with_cache().out_spec)), Not(HasSubstr("transformers")));
  const Json model = model_of(testing::with_cache(), {.pytree = Pt2Pytree::Plain});
  EXPECT_THAT(model["graph_module"]["module_call_graph"][0]["signature"]["out_spec"].get<std::string>(),
              HasSubstr(R"("context": "[\"keys\", \"values\"]")"));
}

TEST(PlainSpec, KeepsEmptyPlacesOfLists) {
  const TreeSpec cache = TreeSpec::custom(
      "x:Cache", Json::parse(R"({"_t": "obj", "p": "x", "s": {"n": 3, "layers": [{"_t": "obj", "s": {}},
      {"_t": "items", "v": [[0, {"_t": "tensor", "i": 0}], [1, null]]}]}})"),
      {TreeSpec::leaf()});
  EXPECT_THAT(leaf_paths(plain_spec(cache)), ElementsAre("layers.1.0"));
}

TEST(PlainSpec, RefusesTypesItDoesNotKnow) {
  const auto plain = [](const char* context) {
    plain_spec(TreeSpec::custom("x:Y", context, {TreeSpec::leaf(), TreeSpec::leaf()}));
  };
  EXPECT_THAT(message_of([&] { plain("a name"); }, ErrorKind::Unsupported), HasSubstr("'x:Y' has no plain form"));
  EXPECT_THAT(
      message_of([&] { plain(R"({"_t": "obj", "s": {"a": {"_t": "tensor", "i": 1}}})"); }, ErrorKind::Unsupported),
      HasSubstr("not numbered in order"));
  EXPECT_THAT(
      message_of([&] { plain(R"({"_t": "obj", "s": {"a": {"_t": "tensor", "i": 0}}})"); }, ErrorKind::Unsupported),
      HasSubstr("1 of its 2 tensors"));
  EXPECT_THAT(message_of([&] { plain(R"({"_t": "items", "v": [1]})"); }), HasSubstr("items must be pairs"));
}

}  // namespace
}  // namespace exformer
