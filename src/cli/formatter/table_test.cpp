// Tables line up, fit the terminal and say nothing dangerous; JSON is what the server said.
#include "cli/formatter/table.hpp"

#include <gtest/gtest.h>

#include "cli/formatter/json.hpp"
#include "cli/formatter/views.hpp"

namespace gogrid::cli {
namespace {

Table sample() {
  Table table({{"NAME", Table::Align::left, true}, {"SIZE", Table::Align::right}, {"STATE"}});
  table.add_row({"größe", "1 B", {"ready", Style::green}});
  table.add_row({"a-much-longer-name", "1000 B", ""});
  return table;
}

TEST(Table, ColumnsLineUpAndLinesEndWithoutSpaces) {
  EXPECT_EQ(sample().text({}),
            "NAME                  SIZE  STATE\n"
            "größe                  1 B  ready\n"
            "a-much-longer-name  1000 B  -\n");
}

TEST(Table, ANarrowTerminalCutsTheElasticColumn) {
  View view;
  view.width = 27;
  EXPECT_EQ(sample().text(view),
            "NAME            SIZE  STATE\n"
            "größe            1 B  ready\n"
            "a-much-long…  1000 B  -\n");
  view.width = 5;
  EXPECT_NE(sample().text(view).find("a-much-…"), std::string::npos);
}

TEST(Table, ColourDoesNotMoveColumns) {
  View view;
  view.colour = true;
  EXPECT_NE(sample().text(view).find("  1 B  \x1b[32mready\x1b[0m\n"), std::string::npos);
}

TEST(Table, TextFromElsewhereCannotSteerTheTerminal) {
  Table table({{"NAME"}});
  table.add_row({"x\x1b]0;owned\x07\ny"});
  EXPECT_EQ(table.text({}), "NAME\nx?]0;owned? y\n");
}

TEST(Facts, LineUpAndLeaveOutWhatIsNotKnown) {
  Facts facts;
  facts.add("Name", "den");
  facts.add("Nothing", "");
  facts.add("Sandbox", Cell("none_insecure", Style::red));
  EXPECT_EQ(facts.text({}), "Name:     den\nSandbox:  none_insecure\n");
}

TEST(Views, AWorkerSaysWhatItHasOrWhyNot) {
  client::Worker busy;
  busy.name = "den";
  busy.connected = true;
  busy.availability = "available";
  busy.sandbox = "bubblewrap";
  client::ReplicaState ready;
  ready.model_name = "small";
  ready.phase = "ready";
  ready.slots = 4;
  ready.slots_busy = 1;
  client::ReplicaState fetching;
  fetching.model_name = "big";
  fetching.phase = "fetching";
  fetching.done_bytes = 41;
  fetching.total_bytes = 100;
  busy.replicas = {ready, fetching};
  client::Worker paused;
  paused.name = "attic";
  paused.connected = true;
  paused.availability = "paused";
  paused.reason = "paused by its owner";
  client::Worker gone;
  gone.id = "wk_1";
  gone.last_seen_at = 1000;
  View view;
  view.now = 1180;
  EXPECT_EQ(show_list({busy, paused, gone}, view),
            "NAME   STATE      SLOTS  SANDBOX     ADDRESS  LAST SEEN  MODELS\n"
            "den    available    1/4  bubblewrap  -        now        small, big (fetching 41 %)\n"
            "attic  paused         -  -           -        now        paused by its owner\n"
            "wk_1   offline        -  -           -        3 min ago  -\n");
  const std::string page = show_one(busy, view);
  EXPECT_NE(page.find("Name:       den\n"), std::string::npos) << page;
  EXPECT_NE(page.find("big    fetching 41 %"), std::string::npos) << page;
}

TEST(Views, AListOfWorkersFitsANarrowTerminal) {
  client::Worker worker;
  worker.name = std::string(40, 'n');
  worker.connected = true;
  worker.availability = "available";
  worker.sandbox = "bubblewrap";
  worker.address = "2001:db8:1111:2222:3333:4444:5555:6666";
  worker.reason = std::string(100, 'r');
  View view;
  view.width = 80;
  const std::string list = show_list(std::vector{worker}, view);
  for (std::size_t at = 0; at < list.size(); at = list.find('\n', at) + 1)
    EXPECT_LE(display_width(std::string_view(list).substr(at, list.find('\n', at) - at)), 80u) << list;
}

TEST(Views, EmptyListsSayWhatToDoNext) {
  EXPECT_NE(show_list(std::vector<client::Worker>(), {}).find("gogrid token create"), std::string::npos);
  EXPECT_NE(show_list(std::vector<client::Model>(), {}).find("gogrid model add"), std::string::npos);
  EXPECT_NE(show_list(std::vector<client::Engine>(), {}).find("gogrid engine add"), std::string::npos);
  EXPECT_NE(show_list(std::vector<client::ApiKey>(), {}).find("gogrid key create"), std::string::npos);
  EXPECT_NE(show_list(std::vector<client::JoinToken>(), {}).find("gogrid token create"), std::string::npos);
}

TEST(Views, KeysAndModelsReadWell) {
  client::ApiKey key;
  key.id = "0f";
  key.name = "ci";
  key.scopes = {"inference", "admin"};
  key.expires_at = 10;
  View view;
  view.now = 1000;
  EXPECT_NE(show_list(std::vector{key}, view).find("0f  ci    inference,admin  expired  expired"), std::string::npos)
      << show_list(std::vector{key}, view);
  client::Model model;
  model.name = "small";
  model.parameters = "3212749888";
  model.size_bytes = 2019377696;
  EXPECT_NE(show_one(model, view).find("3.2 B"), std::string::npos);
  EXPECT_NE(show_one(model, view).find("1.9 GiB"), std::string::npos);
}

TEST(Json, IsTheServersOwnInItsOrder) {
  EXPECT_EQ(pretty_json(R"({"b":1,"a":[true,null],"newer":{}})"),
            "{\n  \"b\": 1,\n  \"a\": [\n    true,\n    null\n  ],\n  \"newer\": {}\n}\n");
  EXPECT_EQ(pretty_json("not JSON"), "not JSON");
  EXPECT_EQ(json_object("removed", "a\"b"), "{\n  \"removed\": \"a\\\"b\"\n}\n");
}

TEST(Json, CannotSteerATerminalAndStaysTheSameText) {
  EXPECT_EQ(pretty_json("\"\x7f \xc2\x9b \xe2\x80\xae \xe2\x81\xa6 \xe2\x82\xac\""),
            "\"\\u007f \\u009b \\u202e \\u2066 \xe2\x82\xac\"\n");
}

}  // namespace
}  // namespace gogrid::cli
