"""The contract: .proto files and the stubs generated from them, which import grpc and protobuf only."""
