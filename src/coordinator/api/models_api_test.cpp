// Models of several files, their settings, aliases, workers' labels, against a whole coordinator.
#include "coordinator/coordinator_test_support.hpp"

namespace gogrid::coordinator {
namespace {

using domain::test::adapter_gguf;
using domain::test::good_gguf;
using domain::test::projector_gguf;
using domain::test::split_gguf;
using nlohmann::json;
using testing::HasSubstr;

std::string hash(const std::string& bytes) { return Sha256::hex(as_bytes(bytes)); }

class ModelsApi : public test::CoordinatorTest {
 protected:
  ModelsApi() { start(); }

  // A file that waits for its model.
  json file(const std::string& bytes) {
    const Reply begun = call("POST", "/api/v1/uploads", upload_of(bytes, "file", "model_file"));
    if (begun.value.value("complete", false)) return {{"sha256", hash(bytes)}};
    EXPECT_EQ(begun.status, 201) << begun.body;
    const Reply done = put(hash(bytes), 0, bytes);
    EXPECT_EQ(done.value["complete"], true) << done.body;
    return {{"sha256", hash(bytes)}};
  }
  Reply add(const std::string& name, json files, json settings = json::object()) {
    settings["name"] = name;
    settings["files"] = std::move(files);
    return call("POST", "/api/v1/models", settings);
  }
  json audit(const std::string& action) {
    json found = json::array();
    const json acts = call("GET", "/api/v1/audit").value["data"];
    for (const json& act : acts) {
      if (act["action"] == action) found.push_back(act);
    }
    return found;
  }
};

TEST_F(ModelsApi, AFileWaitsForItsModelAlsoOverARestart) {
  const std::string bytes = good_gguf();
  const json one = file(bytes);
  EXPECT_EQ(files_in("uploads"), 1u);
  EXPECT_EQ(call("GET", "/api/v1/uploads").value["data"][0]["complete"], true);
  restart();
  // What lies on the disk is not trusted: it is hashed once more.
  EXPECT_EQ(add("tiny", {one}).code(), "\"file_missing\"");
  EXPECT_EQ(call("POST", "/api/v1/uploads", upload_of(bytes, "file", "model_file")).value["offset_bytes"],
            bytes.size());
  EXPECT_EQ(put(hash(bytes), bytes.size(), "").value["complete"], true);
  const Reply added = add("tiny", {one});
  ASSERT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(added.value["sha256"], hash(bytes));
  EXPECT_EQ(files_in("uploads"), 0u);
  EXPECT_EQ(files_in("blobs"), 1u);
  // Another model of the same file.
  EXPECT_EQ(add("other", {one}).status, 201);
  EXPECT_EQ(files_in("blobs"), 1u);
  EXPECT_EQ(audit("model.add").size(), 2u);
}

TEST_F(ModelsApi, PartsOfASplitModelAreOneModelInTheirOrder) {
  std::vector<std::string> parts;
  for (std::uint16_t i = 0; i < 3; ++i)
    parts.push_back(split_gguf(i, 3));
  EXPECT_EQ(upload(parts[0], "part").code(), "\"not_a_model\"");
  json files = json::array();
  for (const int i : {2, 0, 1})
    files.push_back(file(parts[static_cast<std::size_t>(i)]));
  EXPECT_THAT(add("big", {files[0], files[1]}).message(), HasSubstr("parts of a split model"));
  const Reply added = add("big", files);
  ASSERT_EQ(added.status, 201) << added.body;
  restart();
  const json model = call("GET", "/api/v1/models/big").value;
  ASSERT_EQ(model["files"].size(), 3u);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(model["files"][i]["sha256"], hash(parts[i]));
  EXPECT_EQ(model["size_bytes"], parts[0].size() + parts[1].size() + parts[2].size());
  EXPECT_EQ(model["layers"], 2);
  EXPECT_EQ(files_in("blobs"), 3u);
  EXPECT_EQ(call("DELETE", "/api/v1/models/big").status, 204);
  EXPECT_EQ(files_in("blobs"), 0u);
}

TEST_F(ModelsApi, AdaptersAndAProjectorGoWithTheirModel) {
  const json model = file(good_gguf());
  json adapter = file(adapter_gguf());
  adapter["scale"] = 0.25;
  const json projector = file(projector_gguf());
  const json foreign = file(adapter_gguf("qwen2"));
  EXPECT_THAT(add("m", {model, foreign}).message(), HasSubstr("adapter for the architecture qwen2"));
  EXPECT_THAT(add("m", {adapter}).message(), HasSubstr("LoRA adapter"));
  EXPECT_THAT(add("m", {model, projector, file(projector_gguf("other"))}).message(), HasSubstr("one projector"));
  EXPECT_EQ(call("GET", "/api/v1/models").value["data"].size(), 0u);
  const Reply added = add("m", {projector, adapter, model});
  ASSERT_EQ(added.status, 201) << added.body;
  const json files = added.value["files"];
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[0]["role"], "weights");
  EXPECT_EQ(files[1]["role"], "projector");
  EXPECT_EQ(files[2]["role"], "adapter");
  EXPECT_EQ(files[2]["scale"], 0.25);
  // The same model without them: what nothing has any more goes.
  EXPECT_EQ(add("m", {model}).status, 200);
  EXPECT_EQ(files_in("blobs"), 1u);
  EXPECT_EQ(call("GET", "/api/v1/models/m").value["id"], added.value["id"]);
}

TEST_F(ModelsApi, SettingsAreKeptChangedAndChecked) {
  const json settings{{"kind", "embedding"},
                      {"context_tokens", 256},
                      {"slots", 2},
                      {"kv_type", "q8_0"},
                      {"chat_template", "{{ a }}"},
                      {"idle_timeout_seconds", 600},
                      {"min_replicas", 1},
                      {"max_replicas", 3},
                      {"worker_labels", {{"gpu", "yes"}}},
                      {"gpu_policy", "each"},
                      {"gpus", {"RTX 4090", "cuda0"}},
                      {"tags", {"code", "fast", "code"}}};
  ASSERT_EQ(add("m", {file(good_gguf())}, settings).status, 201);
  restart();
  json model = call("GET", "/api/v1/models/m").value;
  for (const char* name : {"kind", "context_tokens", "slots", "kv_type", "idle_timeout_seconds", "min_replicas",
                           "max_replicas", "worker_labels", "gpu_policy", "gpus"})
    EXPECT_EQ(model[name], settings[name]) << name;
  EXPECT_EQ(model["tags"], (json{"code", "fast"}));
  ASSERT_EQ(model["files"].size(), 2u);
  EXPECT_EQ(model["files"][1]["role"], "chat_template");
  EXPECT_EQ(model["files"][1]["sha256"], hash("{{ a }}"));
  EXPECT_EQ(files_in("blobs"), 2u);

  const Reply changed =
      call("PATCH", "/api/v1/models/m", {{"slots", 5}, {"chat_template", ""}, {"tags", json::array()}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.value["slots"], 5);
  EXPECT_EQ(changed.value["context_tokens"], 256);
  EXPECT_EQ(changed.value["files"].size(), 1u);
  EXPECT_EQ(files_in("blobs"), 1u);
  EXPECT_EQ(audit("model.set").size(), 1u);
  EXPECT_EQ(audit("model.set")[0]["detail"]["slots"], 5);

  const struct {
    json change;
    const char* param;
  } table[] = {
      {{{"kv_type", "q3"}}, "kv_type"},
      {{{"slots", 0}}, "slots"},
      {{{"max_replicas", -1}}, "max_replicas"},
      {{{"worker_labels", {{"a b", "c"}}}}, "worker_labels"},
      {{{"worker_labels", "gpu"}}, "worker_labels"},
      {{{"gpu_policy", "pin"}}, "gpu_policy"},
      {{{"gpus", {"a,b"}}}, "gpus"},
      {{{"gpus", json(std::vector<std::string>(17, "a"))}}, "gpus"},
      {{{"tags", {"two words"}}}, "tags"},
      {{{"chat_template", std::string("\0", 1)}}, "chat_template"},
      {{{"idle_timeout_seconds", 1e9}}, "idle_timeout_seconds"},
      {{{"colour", "red"}}, "colour"},
      {{{"name", "other"}}, "name"},
  };
  for (const auto& row : table) {
    const Reply refused = call("PATCH", "/api/v1/models/m", row.change);
    EXPECT_EQ(refused.status, 400) << row.param;
    EXPECT_EQ(refused.value["error"]["param"], row.param) << refused.body;
  }
  EXPECT_THAT(call("PATCH", "/api/v1/models/m", {{"min_replicas", 9}}).message(), HasSubstr("more than max_replicas"));
  EXPECT_EQ(call("PATCH", "/api/v1/models/none", {{"slots", 1}}).status, 404);
}

TEST_F(ModelsApi, AliasesStandForModels) {
  ASSERT_EQ(upload(good_gguf(), "small").status, 200);
  ASSERT_EQ(upload(good_gguf(3, "Large"), "large").status, 200);
  const auto set = [&](const std::string& name, const std::string& target) {
    return call("PUT", "/api/v1/aliases/" + name, {{"target", target}});
  };
  EXPECT_EQ(set("fast", "small").value["model"], "small");
  EXPECT_EQ(set("default", "fast").value["model"], "small");
  restart();
  EXPECT_EQ(call("GET", "/api/v1/models/default").value["name"], "small");
  EXPECT_EQ(call("GET", "/api/v1/models/small").value["aliases"], (json{"fast"}));
  EXPECT_EQ(call("GET", "/api/v1/aliases").value["data"].size(), 2u);
  const json models = call("GET", "/v1/models").value["data"];
  ASSERT_EQ(models.size(), 4u);
  EXPECT_EQ(models[2]["id"], "default");
  EXPECT_EQ(models[2]["gogrid"]["alias_of"], "small");
  EXPECT_EQ(call("GET", "/v1/models/fast").value["id"], "fast");

  const struct {
    const char* name;
    const char* target;
    int status;
    const char* says;
  } table[] = {
      {"small", "large", 409, "an alias cannot take its place"},
      {"fast", "fast", 409, "fast -> fast"},
      {"fast", "default", 409, "fast -> default -> fast"},
      {"new", "nothing", 404, "nothing"},
      {"bad..name", "small", 400, "name"},
  };
  for (const auto& row : table) {
    const Reply refused = set(row.name, row.target);
    EXPECT_EQ(refused.status, row.status) << refused.body;
    EXPECT_THAT(refused.message(), HasSubstr(row.says));
  }
  EXPECT_EQ(upload(good_gguf(3, "Third"), "fast").code(), "\"name_taken\"");
  EXPECT_EQ(add("fast", {file(good_gguf(3, "Third"))}).code(), "\"name_taken\"");
  // Nothing is left pointing at nothing.
  const Reply used = call("DELETE", "/api/v1/models/small");
  EXPECT_EQ(used.code(), "\"model_in_use\"");
  EXPECT_THAT(used.message(), HasSubstr("the alias fast points at the model small"));
  EXPECT_THAT(call("DELETE", "/api/v1/aliases/fast").message(),
              HasSubstr("the alias default points at the alias fast"));
  // An alias is not its model.
  EXPECT_EQ(call("DELETE", "/api/v1/models/fast").status, 404);
  EXPECT_EQ(set("fast", "large").status, 200);
  EXPECT_EQ(call("GET", "/api/v1/models/default").value["name"], "large");
  EXPECT_EQ(call("DELETE", "/api/v1/models/small").status, 204);
  EXPECT_EQ(call("DELETE", "/api/v1/aliases/default").status, 204);
  EXPECT_EQ(call("DELETE", "/api/v1/aliases/default").status, 404);
  EXPECT_EQ(audit("alias.remove").size(), 2u);
  EXPECT_EQ(audit("alias.remove.failed").size(), 1u);
}

TEST_F(ModelsApi, NotMoreThanEightAliasesFollowEachOther) {
  ASSERT_EQ(upload(good_gguf(), "a0").status, 200);
  for (int i = 1; i <= 8; ++i)
    EXPECT_EQ(call("PUT", "/api/v1/aliases/a" + std::to_string(i), {{"target", "a" + std::to_string(i - 1)}}).status,
              200);
  const Reply refused = call("PUT", "/api/v1/aliases/a9", {{"target", "a8"}});
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.message(), HasSubstr("more than 8 aliases"));
}

TEST_F(ModelsApi, AKeyMayUseAnAliasWithoutItsModel) {
  ASSERT_EQ(upload(good_gguf(), "small").status, 200);
  ASSERT_EQ(call("PUT", "/api/v1/aliases/fast", {{"target", "small"}}).status, 200);
  const auto key_for = [&](const char* model) {
    const Reply made = call("POST", "/api/v1/keys", {{"name", model}, {"scopes", {"inference"}}, {"models", {model}}});
    EXPECT_EQ(made.status, 201) << made.body;
    return made.value["key"].get<std::string>();
  };
  const std::string alias_key = key_for("fast");
  const std::string model_key = key_for("small");
  EXPECT_EQ(call_with_key(alias_key, "GET", "/v1/models").value["data"].size(), 1u);
  EXPECT_EQ(call_with_key(alias_key, "GET", "/v1/models/fast").status, 200);
  EXPECT_EQ(call_with_key(alias_key, "GET", "/v1/models/small").status, 404);
  EXPECT_EQ(call_with_key(model_key, "GET", "/v1/models").value["data"].size(), 2u);
  const auto ask = [&](const std::string& key, const char* model) {
    const std::string kept = std::exchange(admin_key, key);
    const Reply reply = call("POST", "/v1/chat/completions",
                             {{"model", model}, {"messages", {{{"role", "user"}, {"content", "Hello"}}}}});
    admin_key = kept;
    return reply.code();
  };
  // There is no worker: what is allowed gets so far.
  EXPECT_EQ(ask(alias_key, "fast"), "\"no_worker\"");
  EXPECT_EQ(ask(alias_key, "small"), "\"model_not_found\"");
  EXPECT_EQ(ask(model_key, "fast"), "\"no_worker\"");
  EXPECT_EQ(ask(model_key, "small"), "\"no_worker\"");
}

TEST_F(ModelsApi, ARequestForAModelNeedsWeights) {
  EXPECT_EQ(add("m", json::array()).status, 400);
  EXPECT_EQ(add("m", {{{"sha256", "short"}}}).status, 400);
  EXPECT_EQ(add("m", {{{"sha256", std::string(64, 'a')}}}).code(), "\"file_missing\"");
  EXPECT_EQ(add("m", {{{"sha256", std::string(64, 'a')}, {"scale", -1}}}).status, 400);
  EXPECT_EQ(call("POST", "/api/v1/models", {{"files", json::array()}}).status, 400);
  // What is no GGUF file is no model's file either.
  const std::string text(1000, 'x');
  ASSERT_EQ(call("POST", "/api/v1/uploads", upload_of(text, "file", "model_file")).status, 201);
  EXPECT_EQ(put(hash(text), 0, text).code(), "\"not_a_model\"");
  EXPECT_EQ(files_in("uploads"), 0u);
}

}  // namespace
}  // namespace gogrid::coordinator
