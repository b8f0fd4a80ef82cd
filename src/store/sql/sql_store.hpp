// The store over a database that is open and has its tables.
#pragma once

#include <memory>

#include "store/sql/connection.hpp"
#include "store/store.hpp"

namespace gogrid::store {

// Operations that are under way when the store is destroyed are finished first; the executors that wait for them must
// live until then.
std::unique_ptr<Store> make_sql_store(std::unique_ptr<Connection> connection);

}  // namespace gogrid::store
