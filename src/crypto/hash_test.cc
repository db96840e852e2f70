// SPDX-License-Identifier: Apache-2.0
// Hashes against their published vectors, and the incremental tree against its recursive definition.
#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "base/hex.h"
#include "crypto/hmac.h"
#include "crypto/merkle.h"
#include "crypto/sha256.h"
#include "crypto/sha256_many.h"

namespace rtt::crypto {
namespace {

// FIPS 180-4 examples and NIST's long message.
TEST(Sha256, fips_180_vectors) {
  const std::pair<std::string, std::string_view> vectors[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopq"
       "rst"
       "nopqrstu",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
      {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const auto& [message, digest] : vectors) EXPECT_EQ(bare_hex(sha256(message)), digest);
}

TEST(Sha256, parts_equal_the_whole_and_finish_starts_over) {
  std::string message;
  for (int i = 0; i < 300; ++i) message += static_cast<char>(i * 37);
  Sha256 hasher;
  for (std::size_t cut = 0; cut <= message.size(); ++cut) {
    hasher.update(as_bytes(message).first(cut));
    hasher.update(as_bytes(message).subspan(cut));
    ASSERT_EQ(hasher.finish(), sha256(message)) << cut;
  }
  Sha256 moved = std::move(hasher);
  EXPECT_EQ(moved.finish(), sha256(""));
}

// Every length around the edges of blocks beside every other, and lanes that run empty at different times.
TEST(Sha256, many_equal_each_alone) {
  constexpr unsigned kSeed = 20261128;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  std::string text(1000, ' ');
  for (char& c : text) c = static_cast<char>(random());
  for (int round = 0; round < 3000; ++round) {
    std::vector<ByteView> messages;
    for (std::size_t count = random() % 7; messages.size() < count;)
      messages.push_back(as_bytes(text).subspan(random() % 500, random() % (random() % 4 == 0 ? 500 : 130)));
    std::vector<Digest> hashes(messages.size());
    sha256_many(messages, hashes);
    for (std::size_t i = 0; i < messages.size(); ++i) ASSERT_EQ(hashes[i], sha256(messages[i])) << i;
  }
}

Digest merkle_root(const std::vector<Digest>& record_hashes) {
  MerkleTree tree;
  for (const Digest& hash : record_hashes) tree.append(hash);
  return tree.root();
}

// RFC 6962 §2.1 word by word.
Digest naive_root(std::span<const std::string> leaves) {
  if (leaves.empty()) return sha256("");
  if (leaves.size() == 1) return sha256(std::string(1, '\0') + leaves.front());
  const std::size_t k = std::bit_floor(leaves.size() - 1);  // the largest power of two smaller than n
  const Digest left = naive_root(leaves.first(k));
  const Digest right = naive_root(leaves.subspan(k));
  return sha256("\x01" + std::string(as_text(left.bytes)) + std::string(as_text(right.bytes)));
}

TEST(Merkle, incremental_equals_the_rfc6962_definition) {
  MerkleTree tree;
  std::vector<Digest> hashes;
  std::vector<std::string> leaves;
  for (std::size_t n = 0; n <= 300; ++n) {
    ASSERT_EQ(tree.size(), n);
    ASSERT_EQ(tree.root(), naive_root(leaves)) << n;
    hashes.push_back(sha256(std::to_string(n)));
    leaves.emplace_back(as_text(hashes.back().bytes));
    tree.append(hashes.back());
  }
}

// The value Certificate Transparency publishes for the empty tree, and the shape of two leaves written out.
TEST(Merkle, known_roots) {
  EXPECT_EQ(bare_hex(MerkleTree().root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const Digest a = sha256("a");
  const Digest b = sha256("b");
  EXPECT_NE(merkle_root({a, b}), merkle_root({b, a}));
  EXPECT_NE(merkle_root({a}), a);
  EXPECT_NE(merkle_root({a, b, b}), merkle_root({a, b}));
}

TEST(Merkle, trees_of_equal_history_are_equal_values) {
  MerkleTree first;
  for (int i = 0; i < 5; ++i) first.append(sha256(std::to_string(i)));
  MerkleTree second = first;
  EXPECT_EQ(first, second);
  second.append(sha256("5"));
  EXPECT_NE(first, second);
  first.append(sha256("5"));
  EXPECT_EQ(first, second);
}

// However many are appended at once, and wherever the tree begins.
TEST(Merkle, a_row_equals_one_by_one) {
  std::vector<Digest> hashes;
  for (int i = 0; i < 300; ++i) hashes.push_back(sha256(std::to_string(i)));
  for (const std::uint64_t begin : {0U, 1U, 6U, 63U, 64U, 4095U}) {
    for (std::size_t before = 0; before < 9; ++before) {
      MerkleTree one_by_one(begin);
      for (std::size_t i = 0; i < before; ++i) one_by_one.append(hashes[i]);
      for (std::size_t count = 0; before + count <= hashes.size(); ++count) {
        MerkleTree row(begin);
        row.append(std::span(hashes).first(before));
        row.append(std::span(hashes).subspan(before, count));
        ASSERT_EQ(row, one_by_one) << begin << " " << before << " " << count;
        if (before + count < hashes.size()) one_by_one.append(hashes[before + count]);
      }
    }
  }
}

// However the leaves are cut into parts, and the parts joined.
TEST(Merkle, parts_join_to_the_same_tree) {
  constexpr std::uint64_t kLeaves = 41;
  const auto part = [](std::uint64_t begin, std::uint64_t end) {
    MerkleTree tree(begin);
    for (std::uint64_t i = begin; i < end; ++i) tree.append_leaf(merkle_leaf(as_bytes(std::to_string(i))));
    return tree;
  };
  for (std::uint64_t size = 0; size <= kLeaves; ++size) {
    const MerkleTree whole = part(0, size);
    for (std::uint64_t a = 0; a <= size; ++a) {
      for (std::uint64_t b = a; b <= size; ++b) {
        MerkleTree left = part(0, a), middle = part(a, b);
        MerkleTree right = middle;
        left.append(middle);
        left.append(part(b, size));
        EXPECT_EQ(left, whole) << a << " " << b << " " << size;
        right.append(part(b, size));
        EXPECT_EQ(right, part(a, size));
        EXPECT_LE(right.nodes().size(), 12u);
      }
    }
    std::vector<Digest> hashes;
    for (const MerkleTree::Node& node : whole.nodes()) hashes.push_back(node.hash);
    EXPECT_EQ(MerkleTree::from_hashes(size, hashes), whole);
    hashes.emplace_back();
    EXPECT_EQ(MerkleTree::from_hashes(size, hashes), std::nullopt);
  }
}

TEST(Merkle, the_path_of_every_leaf_leads_to_the_root_and_no_other_does) {
  std::vector<Digest> leaves;
  MerkleTree tree;
  for (std::size_t size = 1; size <= 33; ++size) {
    leaves.push_back(merkle_leaf(as_bytes("entry " + std::to_string(size))));
    tree.append_leaf(leaves.back());
    for (std::size_t i = 0; i < size; ++i) {
      const std::vector<Digest> path = merkle_path(leaves, i);
      ASSERT_EQ(root_by_path(leaves[i], i, size, path), tree.root()) << i << " of " << size;
      if (size > 1) {
        ASSERT_NE(root_by_path(leaves[(i + 1) % size], i, size, path), tree.root());
        ASSERT_NE(root_by_path(leaves[i], (i + 1) % size, size, path), tree.root());
      }
      EXPECT_FALSE(root_by_path(leaves[i], size, size, path));
      std::vector<Digest> longer = path;
      longer.emplace_back();
      EXPECT_FALSE(root_by_path(leaves[i], i, size, longer));
    }
  }
}

// RFC 4231, test cases 1, 2, 3 and 6.
TEST(HmacSha256, rfc_4231_vectors) {
  struct Vector {
    std::string key, message, mac;
  };
  const Vector vectors[] = {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
  };
  for (const Vector& vector : vectors) {
    const HmacSha256 hmac(as_bytes(vector.key));
    for (int again = 0; again < 2; ++again) EXPECT_EQ(bare_hex(hmac.mac(vector.message)), vector.mac);
  }
}

}  // namespace
}  // namespace rtt::crypto
