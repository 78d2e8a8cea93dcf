"""Digits in the plane: three copies of one network, and a loss on triplets (Schroff et al., 2015)."""

import argparse

import numpy as np
from PIL import Image
from tqdm import tqdm

import tinygrad_cnn as torch
import tinygrad_cnn.nn as nn
import tinygrad_cnn.nn.functional as F
import tinygrad_cnn.optim as optim
from tinygrad_cnn.optim import lr_scheduler
from tinygrad_cnn.utils.data import DataLoader, Dataset
from tinygrad_cnn.vision.datasets import MNIST
from tinygrad_cnn.vision.transforms import transforms


class TripletMNIST(Dataset):
    """Of each digit: the digit itself, another of the same class, and one of another class."""

    def __init__(self, mnist_dataset, seed=29):
        self.mnist_dataset = mnist_dataset
        self.train = self.mnist_dataset.train
        self.transform = self.mnist_dataset.transform
        self.labels = self.mnist_dataset.targets
        self.data = self.mnist_dataset.data
        self.labels_set = set(self.labels.numpy())
        self.label_to_indices = {label: np.where(self.labels.numpy() == label)[0] for label in self.labels_set}
        if not self.train:  # the same triplets each time
            random_state = np.random.RandomState(seed)
            self.test_triplets = [
                [
                    i,
                    random_state.choice(self.label_to_indices[self.labels[i].item()]),
                    random_state.choice(
                        self.label_to_indices[random_state.choice(sorted(self.labels_set - {self.labels[i].item()}))]
                    ),
                ]
                for i in range(len(self.data))
            ]

    def __getitem__(self, index):
        if self.train:
            img1, label1 = self.data[index], self.labels[index].item()
            positive_index = index
            while positive_index == index:
                positive_index = np.random.choice(self.label_to_indices[label1])
            negative_label = np.random.choice(sorted(self.labels_set - {label1}))
            negative_index = np.random.choice(self.label_to_indices[negative_label])
            img2 = self.data[positive_index]
            img3 = self.data[negative_index]
        else:
            img1 = self.data[self.test_triplets[index][0]]
            img2 = self.data[self.test_triplets[index][1]]
            img3 = self.data[self.test_triplets[index][2]]

        images = [Image.fromarray(img.numpy()) for img in (img1, img2, img3)]
        if self.transform is not None:
            images = [self.transform(img) for img in images]
        return tuple(images), []

    def __len__(self):
        return len(self.mnist_dataset)


class EmbeddingNet(nn.Module):
    def __init__(self):
        super(EmbeddingNet, self).__init__()
        self.convnet = nn.Sequential(
            nn.Conv2d(1, 32, 5),
            nn.PReLU(),
            nn.MaxPool2d(2, stride=2),
            nn.Conv2d(32, 64, 5),
            nn.PReLU(),
            nn.MaxPool2d(2, stride=2),
        )

        self.fc = nn.Sequential(
            nn.Linear(64 * 4 * 4, 256), nn.PReLU(), nn.Linear(256, 256), nn.PReLU(), nn.Linear(256, 2)
        )

    def forward(self, x):
        output = self.convnet(x)
        output = output.view(output.size()[0], -1)
        output = self.fc(output)
        return output

    def get_embedding(self, x):
        return self.forward(x)


class TripletNet(nn.Module):
    def __init__(self, embedding_net):
        super(TripletNet, self).__init__()
        self.embedding_net = embedding_net

    def forward(self, x1, x2, x3):
        return self.embedding_net(x1), self.embedding_net(x2), self.embedding_net(x3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="../data/MNIST")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--margin", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    cuda = torch.cuda.is_available()

    mean, std = 0.1307, 0.3081
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((mean,), (std,))])
    triplet_train = TripletMNIST(MNIST(args.data, train=True, download=True, transform=transform))
    triplet_test = TripletMNIST(MNIST(args.data, train=False, download=True, transform=transform))
    kwargs = {"num_workers": 1, "pin_memory": True} if cuda else {}
    train_loader = DataLoader(triplet_train, batch_size=args.batch_size, shuffle=True, **kwargs)
    test_loader = DataLoader(triplet_test, batch_size=args.batch_size, shuffle=False, **kwargs)

    model = TripletNet(EmbeddingNet())
    if cuda:
        model.cuda()
    loss_fn = nn.TripletMarginLoss(margin=args.margin)
    optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)
    scheduler = lr_scheduler.StepLR(optimizer, 8, gamma=0.1, last_epoch=-1)

    for epoch in range(args.epochs):
        model.train()
        losses = []
        for data, _ in tqdm(train_loader, desc="epoch %d" % epoch, leave=False):
            if cuda:
                data = tuple(d.cuda() for d in data)
            optimizer.zero_grad()
            anchor, positive, negative = model(*data)
            loss = loss_fn(anchor, positive, negative)
            loss.backward()
            optimizer.step()
            losses.append(loss.cpu().detach().numpy())
        scheduler.step()
        print("epoch {}/{}: train loss {:.5f}".format(epoch + 1, args.epochs, np.mean(losses)))

        model.eval()
        val_loss, nearer, count = 0.0, 0, 0
        with torch.no_grad():
            for data, _ in test_loader:
                anchor, positive, negative = model(*data)
                val_loss += loss_fn(anchor, positive, negative).item() * len(anchor)
                d_ap = F.pairwise_distance(anchor, positive)
                d_an = (anchor - negative).pow(2).sum(1).sqrt()
                nearer += (d_ap < d_an).sum().item()
                count += anchor.shape[0]
        print(
            "epoch {}/{}: validation loss {:.5f}, {} of {} nearer to their own kind".format(
                epoch + 1, args.epochs, val_loss / count, nearer, count
            )
        )

    torch.save(
        {
            "epoch": args.epochs,
            "model_state_dict": model.state_dict(),
            "optimizer_state_dict": optimizer.state_dict(),
            "loss": float(np.mean(losses)),
        },
        "siamese.pth",
    )
    checkpoint = torch.load("siamese.pth")
    embedding = TripletNet(EmbeddingNet())
    embedding.load_state_dict(checkpoint["model_state_dict"])
    embedding.eval()
    with torch.no_grad():
        images = torch.stack([triplet_test[i][0][0] for i in range(4)])
        for point in embedding.embedding_net.get_embedding(images).data.cpu().numpy():
            print("%.4f %.4f" % tuple(point))


if __name__ == "__main__":
    main()
