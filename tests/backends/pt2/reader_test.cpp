#include "exformer/backends/pt2/reader.h"

#include <gmock/gmock.h>

#include <functional>
#include <random>
#include <stdexcept>

#include "exformer/backends/pt2/writer.h"
#include "exformer/backends/pt2/zip_reader.h"
#include "exformer/backends/pt2/zip_writer.h"
#include "exformer/base/error.h"
#include "exformer/base/json.h"
#include "exformer/ir/text.h"
#include "exformer/ir/verifier.h"
#include "sample_programs.h"
#include "temporary_folder.h"

namespace exformer {
namespace {

using exformer::testing::sample_ops;
using exformer::testing::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kModel[] = "models/model.json";
constexpr char kWeightsConfig[] = "data/weights/model_weights_config.json";

// A program's archive as texts by entry name, so that single fields can be changed.
class Archive {
 public:
  explicit Archive(const ExportedProgram& program) {
    write_pt2(program, folder_ / "original.pt2");
    const auto zip = pt2::ZipReader::open(folder_ / "original.pt2");
    for (const std::string& name : zip.names()) entries_.emplace_back(name.substr(name.find('/') + 1), zip.text(name));
  }
  std::string& operator[](const std::string& name) {
    for (auto& [entry, text] : entries_) {
      if (entry == name) return text;
    }
    throw std::out_of_range(name);
  }
  void erase(const std::string& name) {
    std::erase_if(entries_, [&](const auto& entry) { return entry.first == name; });
  }
  void add(const std::string& name, const std::string& text) { entries_.emplace_back(name, text); }
  void edit(const std::string& name, const std::function<void(Json&)>& change) {
    Json value = Json::parse((*this)[name]);
    change(value);
    (*this)[name] = value.dump();
  }
  void edit_graph(const std::function<void(Json&)>& change) {
    edit(kModel, [&](Json& model) { change(model["graph_module"]["graph"]); });
  }
  ExportedProgram read(const std::string& root = "model") const {
    pt2::ZipWriter zip(folder_ / "edited.pt2", root);
    for (const auto& [name, text] : entries_) zip.add(name, text);
    zip.finish();
    return read_pt2(folder_ / "edited.pt2", sample_ops());
  }
  std::string fault(ErrorKind kind = ErrorKind::Failed) const {
    try {
      read();
    } catch (const ExportError& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      return error.what();
    }
    return "no error";
  }

 private:
  TemporaryFolder folder_;
  std::vector<std::pair<std::string, std::string>> entries_;
};

Json& node_of(Json& graph, const std::string& name) {
  for (Json& node : graph["nodes"]) {
    if (node["name"] == name) return node;
  }
  throw std::out_of_range(name);
}

TEST(Pt2Reader, RoundTripsEverySample) {
  const TemporaryFolder folder;
  for (const auto& make : {testing::kitchen_sink, testing::derived_dims, testing::with_cache}) {
    // Once through the file gives each value a name that torch accepts; from then on nothing changes.
    write_pt2(make(), folder / "first.pt2");
    const ExportedProgram first = read_pt2(folder / "first.pt2", sample_ops());
    write_pt2(first, folder / "second.pt2");
    const ExportedProgram second = read_pt2(folder / "second.pt2", sample_ops());
    EXPECT_EQ(to_text(*first.graph), to_text(*second.graph));
    EXPECT_EQ(first.in_spec, make().in_spec);
    EXPECT_EQ(first.out_spec, make().out_spec);
    EXPECT_THAT(verify(second), IsEmpty());
    ASSERT_EQ(first.inputs.size(), make().inputs.size());
    for (size_t i = 0; i < first.inputs.size(); ++i) {
      EXPECT_EQ(first.inputs[i].kind, make().inputs[i].kind);
      EXPECT_EQ(first.inputs[i].persistent, make().inputs[i].persistent);
    }
  }
}

TEST(Pt2Reader, GivesTheGraphThatWasWritten) {
  const TemporaryFolder folder;
  write_pt2(testing::with_cache(), folder / "a.pt2");
  EXPECT_EQ(to_text(*read_pt2(folder / "a.pt2", sample_ops()).graph), to_text(*testing::with_cache().graph));
}

TEST(Pt2Reader, MapsWeightsInsteadOfCopyingThem) {
  const TemporaryFolder folder;
  write_pt2(testing::kitchen_sink(), folder / "a.pt2");
  const ExportedProgram program = read_pt2(folder / "a.pt2", sample_ops());
  const HostTensor weight = program.state_dict.at("l.weight").source();
  EXPECT_EQ(std::vector<float>(weight.data<float>(), weight.data<float>() + 32), testing::sample_values(32));
  EXPECT_EQ(weight.raw(), program.state_dict.at("t.weight").source().raw());
  EXPECT_NE(weight.owner(), nullptr);
  EXPECT_EQ(program.state_dict.at("l.weight").storage_key(), program.state_dict.at("t.weight").storage_key());
}

TEST(Pt2Reader, ReadsStridedWindows) {
  Archive archive(testing::kitchen_sink());
  archive.edit(kWeightsConfig, [](Json& config) {
    Json& meta = config["config"]["t.weight"]["tensor_meta"];
    meta["sizes"] = Json::parse(R"([{"as_int": 8}, {"as_int": 4}])");
    meta["strides"] = Json::parse(R"([{"as_int": 1}, {"as_int": 8}])");
  });
  const HostTensor weight = archive.read().state_dict.at("t.weight").materialize();
  EXPECT_EQ(weight.item_double(1), testing::sample_values(32)[8]);
}

TEST(Pt2Reader, FindsTheRootFolderOfAnyName) {
  const Archive archive(testing::with_cache());
  EXPECT_EQ(archive.read("my model").graph->node_count(), 3U);
}

TEST(Pt2Reader, TakesTorchsLowerBoundOf2AsNone) {
  Archive archive(testing::with_cache());
  archive.edit(kModel, [](Json& model) {
    model["range_constraints"]["s0"]["min_val"] = 2;
    model["range_constraints"]["s1"]["min_val"] = 3;
  });
  const ExportedProgram program = archive.read();
  EXPECT_EQ(program.graph->symbols().symbols()[0].min, 1);
  EXPECT_EQ(program.graph->symbols().symbols()[1].min, 3);
}

TEST(Pt2Reader, NamesAllUnknownOpsAtOnce) {
  Archive archive(testing::with_cache());
  archive.edit_graph([](Json& graph) {
    node_of(graph, "mul")["target"] = "torch.ops.aten.frobnicate.default";
    node_of(graph, "add")["target"] = "torch.ops.mylib.op.default";
  });
  EXPECT_THAT(archive.fault(ErrorKind::Unsupported),
              HasSubstr("2 ops are not known: torch.ops.aten.frobnicate.default, torch.ops.mylib.op.default"));
}

TEST(Pt2Reader, ReadsANumberWhereATensorIsMeant) {
  Archive archive(testing::with_cache());
  archive.edit_graph([](Json& graph) {
    node_of(graph, "mul")["target"] = "torch.ops.aten.mul.Tensor";
    Json& add = node_of(graph, "add");
    add["inputs"][1]["arg"] = Json::parse(R"({"as_float": 2.5})");
  });
  const std::string text = to_text(*archive.read().graph);
  EXPECT_THAT(text, HasSubstr("%mul: f32[batch, seq, 4] = aten.mul.Scalar(%input_ids, 2.0)"));
  EXPECT_THAT(text, HasSubstr("%full: f32[] = aten.full.default([], 2.5, dtype=f32)"));
}

TEST(Pt2Reader, LeavesOutAssertionsAndIdentities) {
  Archive archive(testing::with_cache());
  archive.edit_graph([](Json& graph) {
    Json check = Json::parse(
        R"({"target": "torch.ops.aten._assert_scalar.default", "inputs": [], "outputs": [], "metadata": {}, "name": "x"})");
    Json same = Json::parse(
        R"({"target": "torch.ops.aten.detach_.default", "inputs": [{"name": "self", "arg": {"as_tensor": {"name": "mul"}},
        "kind": 1}], "outputs": [{"as_tensor": {"name": "again"}}], "metadata": {}, "name": "again"})");
    Json& nodes = graph["nodes"];
    nodes.insert(nodes.begin(), check);
    nodes.push_back(same);
    graph["outputs"][1]["as_tensor"]["name"] = "again";
  });
  const ExportedProgram program = archive.read();
  EXPECT_EQ(program.graph->node_count(), 3U);
  EXPECT_EQ(program.graph->outputs()[1].as<Value*>()->name, "mul");
}

TEST(Pt2Reader, MakesWritesFunctional) {
  Archive archive(testing::with_cache());
  archive.edit_graph([](Json& graph) {
    Json& add = node_of(graph, "add");
    add["target"] = "torch.ops.aten.add_.Tensor";
    graph["outputs"][0]["as_tensor"]["name"] = "mul";
  });
  const ExportedProgram program = archive.read();
  EXPECT_EQ(program.graph->outputs()[0].as<Value*>()->name, "add");
  EXPECT_EQ(program.graph->outputs()[0].as<Value*>()->producer()->op(), "aten::add.Tensor");
}

TEST(Pt2Reader, RefusesWritesThatOthersSee) {
  Archive archive(testing::with_cache());
  archive.edit_graph([](Json& graph) {
    Json& add = node_of(graph, "add");
    add["target"] = "torch.ops.aten.add_.Tensor";
    add["inputs"][0]["arg"]["as_tensor"]["name"] = "input_ids";
  });
  EXPECT_THAT(archive.fault(ErrorKind::Unsupported), HasSubstr("writes to 'input_ids', which is an input"));
}

TEST(Pt2Reader, InlinesGraphsThatOnlySetAMode) {
  Archive archive(testing::with_cache());
  archive.edit_graph([](Json& graph) {
    Json inner = Json::object();
    inner["inputs"] = Json::parse(R"([{"as_tensor": {"name": "arg"}}])");
    inner["outputs"] = Json::parse(R"([{"as_tensor": {"name": "mul"}}])");
    inner["nodes"] = Json::array({node_of(graph, "mul")});
    inner["nodes"][0]["inputs"][0]["arg"]["as_tensor"]["name"] = "arg";
    inner["tensor_values"] = {{"arg", graph["tensor_values"]["mul"]}, {"mul", graph["tensor_values"]["mul"]}};
    inner["sym_int_values"] = Json::object();
    Json& node = node_of(graph, "mul");
    node["target"] = "torch.ops.higher_order.wrap_with_set_grad_enabled";
    node["inputs"] =
        Json::array({{{"name", ""}, {"arg", {{"as_bool", false}}}, {"kind", 1}},
                     {{"name", ""}, {"arg", {{"as_graph", {{"name", "sub"}, {"graph", inner}}}}}, {"kind", 1}},
                     {{"name", ""}, {"arg", {{"as_tensor", {{"name", "input_ids"}}}}}, {"kind", 1}}});
  });
  EXPECT_EQ(to_text(*archive.read().graph), to_text(*testing::with_cache().graph));
}

TEST(Pt2Reader, DropsInputsThatWereConstants) {
  Archive archive(testing::with_cache());
  archive.edit(kModel, [](Json& model) {
    Json& module = model["graph_module"];
    module["graph"]["inputs"].push_back(Json::parse(R"({"as_none": true})"));
    module["signature"]["input_specs"].push_back(
        Json::parse(R"({"constant_input": {"name": "use_cache", "value": {"as_none": true}}})"));
    module["module_call_graph"][0]["signature"]["in_spec"] = treespec_dumps(TreeSpec::tuple(
        {TreeSpec::tuple({}), TreeSpec::dict({"input_ids", "use_cache"}, {TreeSpec::leaf(), TreeSpec::leaf()})}));
  });
  EXPECT_EQ(archive.read().in_spec, testing::with_cache().in_spec);
}

TEST(Pt2Reader, NeverReadsAPickle) {
  Archive archive(testing::kitchen_sink());
  archive.edit(kWeightsConfig, [](Json& config) { config["config"]["b"]["use_pickle"] = true; });
  EXPECT_THAT(archive.fault(ErrorKind::Unsupported), HasSubstr("'b' is stored as a pickle, which is never read"));
}

TEST(Pt2Reader, RefusesWeightsOutsideTheirFile) {
  for (const char* change :
       {R"({"sizes": [{"as_int": 4}]})", R"({"strides": [{"as_int": 2}]})", R"({"storage_offset": {"as_int": 1}})",
        R"({"storage_offset": {"as_int": -1}})", R"({"strides": []})"}) {
    Archive archive(testing::kitchen_sink());
    archive.edit(kWeightsConfig,
                 [&](Json& config) { config["config"]["b"]["tensor_meta"].update(Json::parse(change)); });
    EXPECT_THAT(archive.fault(), HasSubstr("'b' reaches outside its 3 elements")) << change;
  }
  Archive archive(testing::kitchen_sink());
  archive.edit(kWeightsConfig,
               [](Json& config) { config["config"]["b"]["tensor_meta"]["sizes"][0]["as_int"] = int64_t{1} << 60; });
  EXPECT_THAT(archive.fault(), HasSubstr("'b' has an absurd size"));
}

TEST(Pt2Reader, SaysWhichFieldIsWrong) {
  const auto fault = [](const std::function<void(Json&)>& change, ErrorKind kind = ErrorKind::Failed) {
    Archive archive(testing::kitchen_sink());
    archive.edit(kModel, change);
    return archive.fault(kind);
  };
  EXPECT_THAT(fault([](Json& m) { m["schema_version"]["major"] = 9; }, ErrorKind::Unsupported),
              HasSubstr("schema version 9.20 cannot be read"));
  EXPECT_THAT(fault([](Json& m) { m.erase("graph_module"); }), HasSubstr("field 'graph_module' is missing"));
  EXPECT_THAT(fault([](Json& m) { m["graph_module"]["graph"]["nodes"] = 3; }),
              HasSubstr("field 'nodes' must be a list"));
  EXPECT_THAT(fault([](Json& m) { m["graph_module"]["graph"]["tensor_values"].erase("add"); }),
              HasSubstr("tensor 'add' has no entry"));
  EXPECT_THAT(
      fault([](Json& m) { m["graph_module"]["graph"]["tensor_values"]["x"]["dtype"] = 99; }, ErrorKind::Unsupported),
      HasSubstr("scalar type 99"));
  EXPECT_THAT(
      fault([](Json& m) { m["graph_module"]["graph"]["tensor_values"]["x"]["layout"] = 1; }, ErrorKind::Unsupported),
      HasSubstr("strided"));
  EXPECT_THAT(fault([](Json& m) { m["graph_module"]["graph"]["tensor_values"]["x"]["sizes"][2]["as_int"] = -4; }),
              HasSubstr("negative size -4"));
  EXPECT_THAT(fault([](Json& m) { m["graph_module"]["graph"]["tensor_values"]["x"]["strides"].erase(0); }),
              HasSubstr("3 sizes and 2 strides"));
  EXPECT_THAT(fault([](Json& m) { m["graph_module"]["signature"]["input_specs"].erase(0); }),
              HasSubstr("8 graph inputs, 7 input specs"));
  EXPECT_THAT(fault([](Json& m) { m["graph_module"]["signature"]["output_specs"].erase(0); }),
              HasSubstr("11 graph outputs, 10 output specs"));
  EXPECT_THAT(fault([](Json& m) { m["graph_module"]["module_call_graph"] = Json::array(); }),
              HasSubstr("no entry for the whole module"));
  EXPECT_THAT(fault([](Json& m) { m["range_constraints"]["s0"]["max_val"] = 0; }), HasSubstr("empty range"));
  EXPECT_THAT(fault([](Json& m) { m["graph_module"]["metadata"]["exformer.symbols"] = R"({"s0": "a b"})"; }),
              HasSubstr("no name for a size"));
  EXPECT_THAT(fault([](Json& m) { m["graph_module"]["metadata"]["exformer.symbols"] = R"({"s0": "x", "s1": "x"})"; }),
              HasSubstr("two sizes are named 'x'"));
}

TEST(Pt2Reader, SaysWhichNodeIsWrong) {
  const auto fault = [](const std::string& name, const std::function<void(Json&)>& change,
                        ErrorKind kind = ErrorKind::Failed) {
    Archive archive(testing::kitchen_sink());
    archive.edit_graph([&](Json& graph) { change(node_of(graph, name)); });
    return archive.fault(kind);
  };
  const auto argument = [](const char* text) {
    return [=](Json& node) { node["inputs"][0]["arg"] = Json::parse(text); };
  };
  EXPECT_THAT(fault("linear", argument(R"({"as_tensor": {"name": "nobody"}})")),
              HasSubstr("'nobody' is read before it is made"));
  EXPECT_THAT(fault("linear", argument(R"({"as_graph": {}})"), ErrorKind::Failed), HasSubstr("graph"));
  EXPECT_THAT(fault("linear", argument(R"({"as_complex": {"real": 1.0, "imag": 0.0}})"), ErrorKind::Unsupported),
              HasSubstr("kind 'as_complex'"));
  EXPECT_THAT(fault("linear", argument(R"({"as_memory_format": 77})")), HasSubstr("memory format 77"));
  EXPECT_THAT(fault("linear", argument(R"({"as_ints": 7})")), HasSubstr("argument 'as_ints' must be a list"));
  EXPECT_THAT(fault("linear", argument(R"({})")), HasSubstr("must be an object with one member"));
  EXPECT_THAT(fault("linear", argument(R"({"as_string": "x"})")), HasSubstr("argument 'input' has the wrong type"));
  EXPECT_THAT(fault("linear", [](Json& node) { node["inputs"][0]["name"] = "nothing"; }), HasSubstr("nothing"));
  EXPECT_THAT(fault("arange", argument(R"({"as_sym_int": {"as_name": "nobody"}})"), ErrorKind::Unsupported),
              HasSubstr("'nobody' is a number"));
  EXPECT_THAT(fault("max_2", [](Json& node) { node["outputs"].erase(1); }),
              HasSubstr("has 1 results, its schema says 2"));
}

TEST(Pt2Reader, RefusesArchivesWithoutAProgram) {
  Archive no_format(testing::with_cache());
  no_format.erase("archive_format");
  EXPECT_THAT(no_format.fault(), HasSubstr("not a .pt2 archive"));
  Archive no_model(testing::with_cache());
  no_model.erase(kModel);
  EXPECT_THAT(no_model.fault(), HasSubstr("holds no exported program"));
  Archive big(testing::with_cache());
  big["byteorder"] = "big";
  EXPECT_THAT(big.fault(ErrorKind::Unsupported), HasSubstr("little-endian"));
  Archive two(testing::with_cache());
  two.add("models/a.json", two[kModel]);
  two.add("models/b.json", two[kModel]);
  two.erase(kModel);
  EXPECT_THAT(two.fault(ErrorKind::Unsupported), HasSubstr("several programs (a, b)"));
  Archive no_config(testing::with_cache());
  no_config.erase(kWeightsConfig);
  EXPECT_THAT(no_config.fault(ErrorKind::Unsupported), HasSubstr("model_weights_config.json"));
}

TEST(Pt2Reader, SurvivesDamagedModels) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    Archive damaged(testing::derived_dims());
    std::string& text = damaged[kModel];
    for (int i = 0; i < 2; ++i) text[random() % text.size()] = "09a\"[]{}:,-"[random() % 11];
    try {
      damaged.read();
    } catch (const ExportError&) {
    }
  }
}

}  // namespace
}  // namespace exformer
