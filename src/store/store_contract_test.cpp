// What a store must do whatever database is below it, the suite runs on each one that is listed at the end: keys to
// uploads here, the rest in the files beside this one.
#include "store/postgres/postgres_test_support.hpp"
#include "store/store_contract_test_support.hpp"

namespace gogrid::store::test {

namespace asio = boost::asio;
using testing::ElementsAre;

TEST_P(StoreContract, KeysKeepEveryFieldOverAReopening) {
  KeyRecord plain = key_record("k1");
  plain.expires_at.reset();
  good(store->add_key(plain));
  good(store->add_key(key_record("k2")));
  EXPECT_EQ(bad(store->add_key(key_record("k1"))), ErrorCode::conflict);
  reopen();
  const auto keys = good(store->list_keys());
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].id, "k1");
  EXPECT_EQ(keys[0].expires_at, std::nullopt);
  EXPECT_EQ(keys[0].last_used_at, std::nullopt);
  const KeyRecord wanted = key_record("k2");
  EXPECT_EQ(keys[1].secret_sha256, wanted.secret_sha256);
  EXPECT_EQ(keys[1].name, wanted.name);
  EXPECT_THAT(keys[1].scopes, ElementsAre("inference", "admin"));
  EXPECT_EQ(keys[1].created_at, wanted.created_at);
  EXPECT_EQ(keys[1].expires_at, wanted.expires_at);
}

TEST_P(StoreContract, AKeyIsRevokedOnceAndUsesAreNoted) {
  good(store->add_key(key_record("k1")));
  good(store->revoke_key("k1", at(10)));
  good(store->revoke_key("k1", at(20)));
  EXPECT_EQ(bad(store->revoke_key("nobody", at(10))), ErrorCode::not_found);
  good(store->note_key_uses({{"k1", at(9)}, {"nobody", at(9)}}));
  const auto keys = good(store->list_keys());
  EXPECT_EQ(keys[0].revoked_at, at(10));
  EXPECT_EQ(keys[0].last_used_at, at(9));
}

TEST_P(StoreContract, TokensAreFoundListedAndRemoved) {
  good(store->add_token(token_record("t1", 3)));
  good(store->add_token(token_record("t2")));
  EXPECT_EQ(bad(store->add_token(token_record("t1"))), ErrorCode::conflict);
  const auto found = good(store->find_token("t1"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->uses, 3);
  EXPECT_EQ(found->secret_sha256, std::string(64, 'b'));
  EXPECT_EQ(found->expires_at, at(100));
  EXPECT_FALSE(good(store->find_token("nobody")));
  good(store->remove_token("t1"));
  EXPECT_EQ(bad(store->remove_token("t1")), ErrorCode::not_found);
  EXPECT_EQ(good(store->list_tokens()).size(), 1u);
}

TEST_P(StoreContract, EnrollingUsesTheTokenAndNumbersNames) {
  good(store->add_token(token_record("t1", 3)));
  EXPECT_EQ(good(store->enrol_worker("t1", at(10), worker_record("w1"))).name, "desk");
  EXPECT_EQ(good(store->enrol_worker("t1", at(10), worker_record("w2"))).name, "desk-2");
  EXPECT_EQ(good(store->find_token("t1"))->uses_left, 1);
  // A revoked worker gives its name free.
  good(store->revoke_worker("w1", at(11)));
  EXPECT_EQ(good(store->enrol_worker("t1", at(12), worker_record("w3"))).name, "desk");
  reopen();
  const auto workers = good(store->list_workers());
  ASSERT_EQ(workers.size(), 3u);
  EXPECT_EQ(workers[0].revoked_at, at(11));
  EXPECT_EQ(workers[2].host_name, "desk.example");
  EXPECT_EQ(workers[2].certificate_serial, "1f");
  EXPECT_EQ(workers[2].certificate_expires_at, at(500));
  EXPECT_EQ(workers[2].enrolled_at, at(1));
}

TEST_P(StoreContract, AUsedExpiredOrUnknownTokenEnrolsNobody) {
  good(store->add_token(token_record("used")));
  good(store->enrol_worker("used", at(10), worker_record("w1")));
  EXPECT_EQ(bad(store->enrol_worker("used", at(10), worker_record("w2"))), ErrorCode::permission_denied);
  good(store->add_token(token_record("late")));
  EXPECT_EQ(bad(store->enrol_worker("late", at(100), worker_record("w2"))), ErrorCode::permission_denied);
  EXPECT_EQ(bad(store->enrol_worker("nobody", at(10), worker_record("w2"))), ErrorCode::not_found);
  EXPECT_EQ(good(store->list_workers()).size(), 1u);
  EXPECT_EQ(good(store->find_token("late"))->uses_left, 1);
}

TEST_P(StoreContract, AWorkerThatCannotBeAddedLeavesTheTokenUnused) {
  good(store->add_token(token_record("t1", 2)));
  good(store->enrol_worker("t1", at(10), worker_record("w1")));
  EXPECT_EQ(bad(store->enrol_worker("t1", at(10), worker_record("w1", "other"))), ErrorCode::conflict);
  EXPECT_EQ(good(store->find_token("t1"))->uses_left, 1);
}

TEST_P(StoreContract, OfManyAtOnceExactlyAsManyEnrolAsTheTokenHasUses) {
  constexpr int attempts = 32, uses = 5;
  good(store->add_token(token_record("t1", uses)));
  int enrolled = 0, refused = 0;
  for (int i = 0; i < attempts; ++i) {
    asio::co_spawn(loop.context(), store->enrol_worker("t1", at(10), worker_record("w" + std::to_string(i))),
                   [&](std::exception_ptr, Result<WorkerRecord> result) { ++(result ? enrolled : refused); });
  }
  loop.context().restart();
  loop.context().run();
  EXPECT_EQ(enrolled, uses);
  EXPECT_EQ(refused, attempts - uses);
  EXPECT_EQ(good(store->list_workers()).size(), static_cast<std::size_t>(uses));
  EXPECT_EQ(good(store->find_token("t1"))->uses_left, 0);
}

TEST_P(StoreContract, CertificatesAndSightingsAreOfTheWorker) {
  good(store->add_token(token_record("t1")));
  good(store->enrol_worker("t1", at(10), worker_record("w1")));
  good(store->set_worker_certificate("w1", "2a", at(900)));
  good(store->note_workers_seen({{"w1", at(20), "0.2.0", "linux-x86_64"}, {"nobody", at(20), "", ""}}));
  auto worker = good(store->list_workers()).at(0);
  EXPECT_EQ(worker.certificate_serial, "2a");
  EXPECT_EQ(worker.certificate_expires_at, at(900));
  EXPECT_EQ(worker.last_seen_at, at(20));
  EXPECT_EQ(worker.version, "0.2.0");
  EXPECT_EQ(worker.target, "linux-x86_64");
  EXPECT_EQ(bad(store->set_worker_certificate("nobody", "2a", at(900))), ErrorCode::not_found);
  good(store->revoke_worker("w1", at(30)));
  EXPECT_EQ(bad(store->set_worker_certificate("w1", "3b", at(900))), ErrorCode::permission_denied);
  EXPECT_EQ(bad(store->revoke_worker("nobody", at(30))), ErrorCode::not_found);
}

TEST_P(StoreContract, AWorkerIsCalledByItsMachinesNewName) {
  good(store->add_token(token_record("t1", 4)));
  good(store->enrol_worker("t1", at(10), worker_record("w1", "desk.example")));
  good(store->enrol_worker("t1", at(10), worker_record("w2", "desk.example")));
  good(store->enrol_worker("t1", at(10), worker_record("w3", "attic")));
  good(store->enrol_worker("t1", at(10), worker_record("w4", "gone")));
  good(store->revoke_worker("w4", at(11)));
  const auto seen = [&](std::string id, std::string host_name, bool named_by_owner = false) {
    WorkerStore::Sighting sighting{std::move(id), at(20), "", "", std::move(host_name), named_by_owner};
    std::vector<std::string> names;
    for (const WorkerRecord& worker : good(store->note_workers_seen({std::move(sighting)})))
      names.insert(names.end(), {worker.id, worker.name, worker.host_name});
    return names;
  };
  using testing::ElementsAre;
  using testing::IsEmpty;
  EXPECT_THAT(seen("w1", ""), IsEmpty());
  EXPECT_THAT(seen("w1", "desk.example"), IsEmpty());
  // Another one's name gets a number, its own does not.
  EXPECT_THAT(seen("w2", "attic"), ElementsAre("w2", "attic-2", "attic"));
  EXPECT_THAT(seen("w2", "attic-2"), ElementsAre("w2", "attic-2", "attic-2"));
  EXPECT_THAT(seen("w1", "den"), ElementsAre("w1", "den", "den"));
  // What a token named stays so until its owner says otherwise.
  EXPECT_THAT(seen("w3", "box"), ElementsAre("w3", "attic", "box"));
  EXPECT_THAT(seen("w3", "box", true), ElementsAre("w3", "box", "box"));
  EXPECT_THAT(seen("w3", "box", true), IsEmpty());
  EXPECT_THAT(seen("w3", "gone", true), ElementsAre("w3", "gone", "gone"));
  EXPECT_THAT(seen("w4", "other", true), IsEmpty());
  EXPECT_THAT(seen("nobody", "other", true), IsEmpty());
  reopen();
  const auto workers = good(store->list_workers());
  ASSERT_EQ(workers.size(), 4u);
  EXPECT_EQ(workers[0].name, "den");
  EXPECT_EQ(workers[1].name, "attic-2");
  EXPECT_EQ(workers[2].name, "gone");
  EXPECT_EQ(workers[2].host_name, "gone");
  EXPECT_EQ(workers[3].name, "gone");
}

TEST_P(StoreContract, ModelsKeepEveryFieldAndTheirPlace) {
  good(store->put_model(model_record("m1", "one")));
  good(store->put_model(model_record("m2", "two")));
  EXPECT_EQ(bad(store->put_model(model_record("m3", "one"))), ErrorCode::conflict);
  EXPECT_EQ(bad(store->put_model(model_record("m2", "one"))), ErrorCode::conflict);
  ModelRecord changed = model_record("m1", "uno");
  changed.model.slots = 8;
  changed.model.files.pop_back();
  changed.model.worker_labels.clear();
  changed.tags.clear();
  good(store->put_model(changed));
  reopen();
  const auto models = good(store->list_models());
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0].model, changed.model);
  EXPECT_THAT(models[0].tags, testing::IsEmpty());
  const ModelRecord wanted = model_record("m2", "two");
  EXPECT_EQ(models[1].model, wanted.model);
  EXPECT_EQ(models[1].title, wanted.title);
  EXPECT_EQ(models[1].architecture, wanted.architecture);
  EXPECT_EQ(models[1].quantization, wanted.quantization);
  EXPECT_EQ(models[1].parameters, wanted.parameters);
  EXPECT_EQ(models[1].tags, wanted.tags);
  EXPECT_EQ(models[1].trained_context_tokens, wanted.trained_context_tokens);
  EXPECT_TRUE(models[1].has_chat_template);
  EXPECT_EQ(models[1].created_at, wanted.created_at);
  good(store->remove_model("m1"));
  EXPECT_EQ(bad(store->remove_model("m1")), ErrorCode::not_found);
  // Its files are gone with it.
  good(store->put_model(model_record("m1", "one")));
  EXPECT_EQ(good(store->list_models()).at(1).model.files.size(), 3u);
}

TEST_P(StoreContract, AnAliasIsReplacedUnderItsName) {
  good(store->put_alias({"fast", "small", at(1)}));
  good(store->put_alias({"best", "fast", at(2)}));
  good(store->put_alias({"fast", "large", at(3)}));
  reopen();
  EXPECT_THAT(good(store->list_aliases()),
              ElementsAre(AliasRecord{"fast", "large", at(1)}, AliasRecord{"best", "fast", at(2)}));
  good(store->remove_alias("fast"));
  EXPECT_EQ(bad(store->remove_alias("fast")), ErrorCode::not_found);
}

TEST_P(StoreContract, AFetchIsReplacedUnderItsId) {
  good(store->put_fetch({"f1", R"({"a":1})", "", at(1)}));
  good(store->put_fetch({"f2", "{}", "", at(2)}));
  good(store->put_fetch({"f1", R"({"a":2})", "it broke", at(3)}));
  reopen();
  EXPECT_THAT(good(store->list_fetches()),
              ElementsAre(FetchRecord{"f1", R"({"a":2})", "it broke", at(1)}, FetchRecord{"f2", "{}", "", at(2)}));
  good(store->remove_fetch("f1"));
  EXPECT_EQ(bad(store->remove_fetch("f1")), ErrorCode::not_found);
}

TEST_P(StoreContract, AWorkersLabelsAreKept) {
  good(store->add_token(token_record("t1")));
  good(store->enrol_worker("t1", at(10), worker_record("w1")));
  const std::map<std::string, std::string> labels{{"gpu", "yes"}, {"site", ""}};
  good(store->set_worker_labels("w1", labels));
  reopen();
  EXPECT_EQ(good(store->list_workers()).at(0).labels, labels);
  EXPECT_EQ(bad(store->set_worker_labels("nobody", labels)), ErrorCode::not_found);
}

TEST_P(StoreContract, AnEngineThatIsPutAgainIsTheNewest) {
  good(store->put_engine(engine_record('1', "old")));
  good(store->put_engine(engine_record('2', "new")));
  good(store->put_engine(engine_record('1', "old again")));
  const auto engines = good(store->list_engines());
  ASSERT_EQ(engines.size(), 2u);
  const EngineRecord wanted = engine_record('1', "old again");
  EXPECT_EQ(engines[1].bundle, wanted.bundle);
  EXPECT_EQ(engines[1].version, wanted.version);
  EXPECT_EQ(engines[1].flavour, wanted.flavour);
  EXPECT_EQ(engines[1].created_at, wanted.created_at);
  good(store->remove_engine(wanted.bundle.sha256));
  EXPECT_EQ(bad(store->remove_engine(wanted.bundle.sha256)), ErrorCode::not_found);
}

TEST_P(StoreContract, UploadsKeepWhatWasAskedFor) {
  UploadRecord upload;
  upload.sha256 = std::string(64, 'd');
  upload.name = "m";
  upload.size_bytes = 77;
  upload.created_at = at(3);
  good(store->put_upload(upload));
  upload.model_kind = domain::ModelKind::rerank;
  upload.context_tokens = 512;
  upload.slots = 2;
  good(store->put_upload(upload));
  UploadRecord file = upload;
  file.sha256 = std::string(64, 'e');
  file.kind = UploadKind::model_file;
  good(store->put_upload(file));
  const auto uploads = good(store->list_uploads());
  ASSERT_EQ(uploads.size(), 2u);
  EXPECT_EQ(uploads[1].kind, UploadKind::model_file);
  EXPECT_EQ(uploads[0].kind, UploadKind::model);
  EXPECT_EQ(uploads[0].model_kind, domain::ModelKind::rerank);
  EXPECT_EQ(uploads[0].context_tokens, 512u);
  EXPECT_EQ(uploads[0].slots, 2u);
  EXPECT_EQ(uploads[0].size_bytes, 77u);
  good(store->remove_upload(upload.sha256));
  EXPECT_EQ(bad(store->remove_upload(upload.sha256)), ErrorCode::not_found);
}

TEST_P(StoreContract, TextsAreDataWhateverTheyHold) {
  KeyRecord key = key_record("'; DROP TABLE api_keys; --");
  key.name = std::string("nul \0 inside", 12);
  good(store->add_key(key));
  EXPECT_EQ(good(store->list_keys()).at(0).name, key.name);
}

TEST_P(StoreContract, WhatIsUnderWayIsFinishedWhenTheStoreCloses) {
  int done = 0;
  for (int i = 0; i < 100; ++i) {
    asio::co_spawn(loop.context(), store->add_key(key_record("k" + std::to_string(i))),
                   [&](std::exception_ptr, Result<void> result) { done += result ? 1 : 0; });
  }
  loop.context().restart();
  loop.context().poll();
  store.reset();
  loop.context().run();
  EXPECT_EQ(done, 100);
  reopen();
  EXPECT_EQ(good(store->list_keys()).size(), 100u);
}

TEST_P(StoreContract, AKeysPolicyIsKept) {
  KeyPolicy policy;
  policy.models = {"small", "org/large:q4"};
  policy.weight = 2.5;
  policy.requests_per_minute = 60;
  policy.tokens_per_minute = 5'000'000'000;
  policy.max_concurrent = 4;
  policy.max_queued = 1000;
  KeyRecord with = key_record("k1");
  with.policy = policy;
  good(store->add_key(with));
  good(store->add_key(key_record("k2")));
  reopen();
  EXPECT_EQ(good(store->list_keys()).at(0).policy, policy);
  EXPECT_EQ(good(store->list_keys()).at(1).policy, KeyPolicy());
  policy.models.clear();
  policy.weight = 0.1;
  good(store->set_key_policy("k2", policy));
  EXPECT_EQ(good(store->list_keys()).at(1).policy, policy);
  EXPECT_EQ(bad(store->set_key_policy("nobody", policy)), ErrorCode::not_found);
  good(store->rename_key("k2", "another name"));
  EXPECT_EQ(good(store->list_keys()).at(1).name, "another name");
  EXPECT_EQ(bad(store->rename_key("nobody", "x")), ErrorCode::not_found);
}

TEST_P(StoreContract, ManyThatFailAmongManyThatDoNotAreToldApart) {
  constexpr int count = 100;
  int added = 0, taken = 0;
  for (int i = 0; i < count; ++i) {
    asio::co_spawn(loop.context(), store->add_key(key_record("k" + std::to_string(i / 2))),
                   [&](std::exception_ptr, Result<void> result) { ++(result ? added : taken); });
  }
  loop.context().restart();
  loop.context().run();
  EXPECT_EQ(added, count / 2);
  EXPECT_EQ(taken, count / 2);
  EXPECT_EQ(good(store->list_keys()).size(), static_cast<std::size_t>(count / 2));
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(Backend{"sqlite", [] { return std::string(); }}));
INSTANTIATE_TEST_SUITE_P(Postgres, StoreContract,
                         testing::Values(Backend{"postgres", [] { return PostgresServer::shared().make_database(); }}));

}  // namespace gogrid::store::test
